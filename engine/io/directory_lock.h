// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "mellow/engine/io/file_system.h"

namespace mellow {

// Holds a folder for this process: flock on "<folder>/.lock", which contains the holder's process number.
// The lock ends with the process however it ends; the file stays, removing it would race with the next
// holder.
class DirectoryLock {
 public:
  // Does not wait: throws ErrorKind::io with the holder's process number when another one has the folder.
  explicit DirectoryLock(const std::string& folder);

 private:
  FileDescriptor file_;
};

}  // namespace mellow
