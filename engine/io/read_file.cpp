// SPDX-License-Identifier: MIT
#include "mellow/engine/io/read_file.h"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

#include "mellow/engine/io/file_system.h"

namespace mellow {

std::string read_file(const std::string& path, uint64_t max_bytes) {
  const FileDescriptor file(open_to_read(path));
  std::string bytes;
  constexpr size_t chunk = 1 << 16;
  for (;;) {
    const size_t done = bytes.size();
    const uint64_t left = max_bytes - done;
    const size_t step = std::max(chunk, done);
    // One byte past the limit tells a file that ends there from one that goes on.
    const size_t wanted = left < step ? static_cast<size_t>(left) + 1 : step;
    bytes.resize(done + wanted);
    ssize_t n;
    do n = ::read(file.get(), bytes.data() + done, wanted);
    while (n < 0 && errno == EINTR);
    if (n < 0) throw io_error("read", path, errno);
    bytes.resize(done + static_cast<size_t>(n));
    if (n == 0) return bytes;
    if (bytes.size() > max_bytes)
      throw Error(text("[io] ", path, " is longer than the ", max_bytes, " bytes allowed here"),
                  ErrorKind::input);
  }
}

}  // namespace mellow
