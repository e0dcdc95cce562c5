// SPDX-License-Identifier: MIT
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include "mellow/engine/core/error.h"
#include "mellow/tools/command_line.h"

namespace {

int fail(const char* message, int code) {
  std::fprintf(stderr, "mellow: %s\n", message);
  return code;
}

}  // namespace

// Exit codes: 0 done, 1 the run failed, 2 wrong usage or input, 130 and 143 stopped by Ctrl-C and SIGTERM.
int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe or a size limit is then an error of write()
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return mellow::tools::run_command({argv + 1, argv + argc});
  } catch (const mellow::Error& error) {
    const auto kind = error.kind();
    return fail(error.what(), kind == mellow::ErrorKind::usage || kind == mellow::ErrorKind::input ? 2 : 1);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", 1);
  } catch (const std::exception& error) {
    return fail(error.what(), 1);
  }
}
