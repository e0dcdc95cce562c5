// SPDX-License-Identifier: MIT
#include "mellow/tools/streams.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "mellow/engine/core/error.h"
#include "mellow/engine/io/atomic_file.h"

namespace mellow::tools {
namespace {

constexpr size_t most_input = size_t{4} << 30;

}  // namespace

void write_output(const std::string& path, const std::string& text) {
  if (path != "-") return write_file_atomically(path, text);
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0)
    throw Error(mellow::text("cannot write to stdout: ", std::strerror(errno)), ErrorKind::io);
}

std::string read_stdin() {
  std::string all;
  char block[1 << 16];
  while (const size_t count = std::fread(block, 1, sizeof block, stdin)) {
    all.append(block, count);
    if (all.size() > most_input) throw Error("stdin has more than 4 GiB: give a file", ErrorKind::input);
  }
  if (std::ferror(stdin)) throw Error("cannot read stdin", ErrorKind::io);
  return all;
}

}  // namespace mellow::tools
