// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "mellow/engine/io/file_system.h"

namespace mellow {

// A file that appears under its name complete or not at all, also through kill -9 and loss of power:
// written to "<path>.tmp.<pid>.<random>", then fsync, rename, fsync of the folder.
// What stood under the name stays until the rename. Errors (ErrorKind::io) name the path, the system's
// reason and the bytes needed. A link at the path is followed; a device or folder there is refused.
class AtomicFile {
 public:
  // bytes_needed is only for the error message: how large the file will be.
  AtomicFile(const std::string& path, uint64_t bytes_needed, FileSystem& files = real_file_system());
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();  // removes the temporary file unless commit() ran to its rename

  void write(std::string_view bytes);
  void write(std::span<const std::byte> bytes);
  // Puts the file under its name. Only the last step, the fsync of the folder, can fail after that.
  void commit();

 private:
  [[noreturn]] void fail(std::string_view action, int error_number);
  void close_temp();

  std::string path_, temp_;
  uint64_t needed_, written_ = 0;
  FileSystem& files_;
  int fd_ = -1;
};

void write_file_atomically(const std::string& path, std::string_view bytes,
                           FileSystem& files = real_file_system());

// Makes the folder and those above it, where they are missing; Error(io).
void make_folder(const std::string& path);

// Removes the temporary files in a folder whose writer is gone (a writer holds a flock on its file, which
// ends with the process, so a reused process number misleads nobody). Returns how many it removed.
int sweep_stale_temps(const std::string& folder);

}  // namespace mellow
