// SPDX-License-Identifier: MIT
#include "mellow/tools/streams.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "mellow/engine/core/error.h"
#include "mellow/engine/io/atomic_file.h"

namespace mellow::tools {

void write_output(const std::string& path, const std::string& text) {
  if (path != "-") return write_file_atomically(path, text);
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0)
    throw Error(mellow::text("cannot write to stdout: ", std::strerror(errno)), ErrorKind::io);
}

}  // namespace mellow::tools
