// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "mellow/engine/core/error.h"

namespace mellow::tools {

// A folder for the runs, removed with all it holds.
class ScratchFolder {
 public:
  ScratchFolder() : path_((std::filesystem::temp_directory_path() / "mellow-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) throw Error("cannot make a folder " + path_, ErrorKind::io);
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace mellow::tools
