// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mellow/engine/io/file_system.h"

namespace mellow {

// A text file that only grows, line by line (metrics.csv). A checkpoint stores size(); resuming truncates
// to it, which drops lines, whole or torn, of steps that will be run again.
class AppendLog {
 public:
  // Opens or creates the file. Errors are ErrorKind::io and name the path and the system's reason.
  explicit AppendLog(const std::string& path, FileSystem& files = real_file_system());
  AppendLog(const AppendLog&) = delete;
  AppendLog& operator=(const AppendLog&) = delete;
  ~AppendLog();

  // Appends line and '\n'. When that fails half-way (full disk), what was written of the line is cut off
  // again.
  void write_line(std::string_view line);
  void sync();                   // fsync
  void truncate(uint64_t size);  // size <= size(); throws ErrorKind::input when the file is shorter
  uint64_t size() const { return size_; }

 private:
  std::string path_;
  uint64_t size_ = 0;
  FileSystem& files_;
  int fd_ = -1;
};

}  // namespace mellow
