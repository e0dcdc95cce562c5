// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>

#include <stdlib.h>

#include "mellow/engine/io/file_system.h"

namespace mellow::test {

// A fresh folder, removed with its contents at the end of the test.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "mellow_test_XXXXXX").string();
    if (!::mkdtemp(name.data())) throw Error("cannot make " + name, ErrorKind::io);
    path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + '/' + std::string(name); }
  size_t entries() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::string path_;
};

inline std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void spill(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// The message of the mellow::Error that f throws; empty when it throws none.
template <class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

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
