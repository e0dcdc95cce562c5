// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>

#include "mellow/engine/io/file_system.h"

namespace mellow::test {

// Lets the k-th system call (from 0) and `repeats` - 1 after it fail with an error number;
// error number 0 shortens writes to one byte instead.
class FaultyFiles final : public FileSystem {
 public:
  FaultyFiles(int k, int error_number, int repeats = 1)
      : first_(k), error_(error_number), repeats_(repeats) {}
  int calls() const { return calls_; }
  bool fired() const { return calls_ > first_; }

  int open(const char* path, int flags, mode_t mode) override {
    return faulty() ? -1 : FileSystem::open(path, flags, mode);
  }
  ssize_t write(int fd, const void* bytes, size_t size) override {
    if (!faulty()) return FileSystem::write(fd, bytes, size);
    return error_ == 0 ? FileSystem::write(fd, bytes, 1) : -1;
  }
  int truncate(int fd, off_t size) override { return faulty() ? -1 : FileSystem::truncate(fd, size); }
  int sync(int fd) override { return faulty() ? -1 : FileSystem::sync(fd); }
  int close(int fd) override {
    const int result = FileSystem::close(fd);  // Linux closes the descriptor in any case
    return faulty() ? -1 : result;
  }
  int rename(const char* from, const char* to) override {
    return faulty() ? -1 : FileSystem::rename(from, to);
  }

 private:
  bool faulty() {
    const int call = calls_++;
    if (call < first_ || call - first_ >= repeats_) return false;
    if (error_ != 0) errno = error_;
    return true;
  }

  int first_, error_, repeats_;
  int calls_ = 0;
};

}  // namespace mellow::test
