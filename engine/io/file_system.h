// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "mellow/engine/core/error.h"

namespace mellow {

// The system calls that writing takes, as an object, so that a test can let each of them fail.
// Every function behaves as its POSIX namesake: -1 and errno on failure.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual int open(const char* path, int flags, mode_t mode);
  virtual ssize_t write(int fd, const void* bytes, size_t size);
  virtual int truncate(int fd, off_t size);
  virtual int sync(int fd);
  virtual int close(int fd);
  virtual int rename(const char* from, const char* to);
};

// The kernel's own; it has no state.
FileSystem& real_file_system();

// Calls f again as long as a signal interrupts it; f gives -1 and errno on failure, as system calls do.
template <class F>
auto uninterrupted(F&& f) {
  auto result = f();
  while (result < 0 && errno == EINTR) result = f();
  return result;
}

// Owns a descriptor opened for reading or locking.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

// Opens an existing file to read it. A file that is missing, unreadable or a folder is an input error.
int open_to_read(const std::string& path);

// Writes all of it through short writes and interruptions; false and errno on failure.
// `done` counts the bytes that got through.
bool write_all(FileSystem& files, int fd, std::string_view bytes, size_t& done);

// "[io] cannot <action> <path>: <text of the error number><detail>"
Error io_error(std::string_view action, const std::string& path, int error_number,
               const std::string& detail = {}, ErrorKind kind = ErrorKind::io);

}  // namespace mellow
