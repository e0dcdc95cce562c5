// SPDX-License-Identifier: MIT
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "mellow/engine/core/error.h"
#include "mellow/tools/command_line.h"

namespace {

int fail(const char* message, int code) {
  std::fprintf(stderr, "mellow: %s\n", message);
  return code;
}

// A descriptor that was closed by whoever started the program would be the next file's: what goes to stdout
// would land in it. Opened the wrong way round, it fails as a closed one does.
void occupy_standard_descriptors() {
  for (const auto& [fd, flags] : {std::pair(STDIN_FILENO, O_WRONLY), std::pair(STDOUT_FILENO, O_RDONLY),
                                  std::pair(STDERR_FILENO, O_RDONLY)})
    if (fcntl(fd, F_GETFD) < 0) static_cast<void>(open("/dev/null", flags));  // gives the lowest that is free
}

// What was printed may still lie in the buffer: a full disk or closed pipe shows here at the latest.
int checked_output(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  return fail("cannot write to stdout: not all results got there", code == 0 ? 1 : code);
}

}  // namespace

// Exit codes: 0 done, 1 the run failed, 2 wrong usage or input, 130 and 143 stopped by Ctrl-C and SIGTERM.
int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe or a size limit is then an error of write()
  std::signal(SIGXFSZ, SIG_IGN);
  occupy_standard_descriptors();
  try {
    return checked_output(mellow::tools::run_command({argv + 1, argv + argc}));
  } catch (const mellow::Error& error) {
    const auto kind = error.kind();
    return fail(error.what(), kind == mellow::ErrorKind::usage || kind == mellow::ErrorKind::input ? 2 : 1);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", 1);
  } catch (const std::exception& error) {
    return fail(error.what(), 1);
  }
}
