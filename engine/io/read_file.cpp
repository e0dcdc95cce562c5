// SPDX-License-Identifier: MIT
#include "mellow/engine/io/read_file.h"

#include <algorithm>
#include <cerrno>
#include <new>

#include <sys/stat.h>
#include <unistd.h>

#include "mellow/engine/io/file_system.h"

namespace mellow {
namespace {

// `name` is for messages.
std::string read_all(int fd, const std::string& name, uint64_t max_bytes) {
  constexpr uint64_t pipe_room = 1 << 16;
  // One byte past the limit tells a file that ends there from one that goes on.
  const uint64_t most = max_bytes == no_limit ? no_limit : max_bytes + 1;
  struct stat about {};
  const bool sized = ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  // One byte more than the size: the read that brings nothing then ends the loop without growing.
  const uint64_t room = sized ? static_cast<uint64_t>(about.st_size) + 1 : pipe_room;
  std::string bytes;
  uint64_t filled = 0;
  for (;;) {
    if (filled == bytes.size()) bytes.resize(std::min(most, std::max(room, 2 * filled)));
    const ssize_t n = uninterrupted([&] { return ::read(fd, bytes.data() + filled, bytes.size() - filled); });
    if (n < 0) throw io_error("read", name, errno);
    if (n == 0) break;
    filled += static_cast<uint64_t>(n);
    if (filled > max_bytes)
      throw Error(text("[io] ", name, " is longer than the ", max_bytes, " bytes allowed here"),
                  ErrorKind::input);
  }
  bytes.resize(filled);
  return bytes;
}

std::string read_in_memory_limits(int fd, const std::string& name, uint64_t max_bytes) {
  try {
    return read_all(fd, name, max_bytes);
  } catch (const std::bad_alloc&) {
    throw Error(text("[io] ", name, ": not enough memory for its contents"), ErrorKind::out_of_memory);
  }
}

}  // namespace

std::string read_file(const std::string& path, uint64_t max_bytes) {
  const FileDescriptor file(open_to_read(path));
  return read_in_memory_limits(file.get(), path, max_bytes);
}

std::string read_stdin() { return read_in_memory_limits(STDIN_FILENO, "stdin", no_limit); }

}  // namespace mellow
