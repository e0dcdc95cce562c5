// SPDX-License-Identifier: MIT
#include "mellow/data/file_text.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mellow/engine/core/error.h"

namespace mellow {

namespace {

[[noreturn]] void fail(const std::string& path, const char* step, const char* reason) {
  throw Error(text("[read] ", path, ": cannot ", step, ": ", reason), ErrorKind::io);
}

// Closes what it opened; standard input stays open.
class Descriptor {
 public:
  explicit Descriptor(const std::string& path)
      : number_(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (number_ < 0) fail(path, "open", std::strerror(errno));
  }
  ~Descriptor() {
    if (number_ != STDIN_FILENO) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

}  // namespace

std::string read_file_text(const std::string& path) {
  constexpr size_t pipe_step = size_t{1} << 16;
  const Descriptor file(path);
  struct stat about {};
  if (::fstat(file.number(), &about) != 0) fail(path, "open", std::strerror(errno));
  if (S_ISDIR(about.st_mode)) fail(path, "read", "it is a folder");
  std::string bytes;
  try {
    // One byte more than the size, so that the first read() that brings nothing ends the loop without
    // growing.
    bytes.resize(S_ISREG(about.st_mode) ? static_cast<size_t>(about.st_size) + 1 : pipe_step);
    size_t filled = 0;
    for (;;) {
      if (filled == bytes.size()) bytes.resize(std::max(bytes.size() * 2, pipe_step));
      const ssize_t n = ::read(file.number(), bytes.data() + filled, bytes.size() - filled);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail(path, "read", std::strerror(errno));
      if (n == 0) break;
      filled += static_cast<size_t>(n);
    }
    bytes.resize(filled);
  } catch (const std::bad_alloc&) {
    throw Error(text("[read] ", path, ": not enough memory for ", about.st_size, " bytes"),
                ErrorKind::out_of_memory);
  }
  return bytes;
}

}  // namespace mellow
