// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "mellow/engine/io/file_system.h"

namespace mellow {

// A flock on a file, which is made where needed and contains the holder's process number. The lock ends with
// the process however it ends; the file stays, removing it would race with the next holder.
class FileLock {
 public:
  // Tries once. Throws ErrorKind::io when the file cannot be made or locked at all.
  explicit FileLock(const std::string& path);
  bool held() const { return held_; }
  void try_again();
  // "process 123"
  std::string holder() const;

 private:
  std::string path_;
  FileDescriptor file_;
  bool held_ = false;
};

// Holds a folder for this process: a FileLock on "<folder>/.lock".
class DirectoryLock {
 public:
  // Does not wait: throws ErrorKind::io with the holder's process number when another one has the folder.
  explicit DirectoryLock(const std::string& folder);

 private:
  FileLock file_;
};

}  // namespace mellow
