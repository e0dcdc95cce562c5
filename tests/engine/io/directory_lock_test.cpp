// SPDX-License-Identifier: MIT
#include <csignal>
#include <memory>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mellow/engine/io/directory_lock.h"
#include "mellow/tests/support/files.h"

namespace mellow::test {
namespace {

TEST_CASE("DirectoryLock is exclusive and names its holder") {
  const TempFolder folder;
  auto lock = std::make_unique<DirectoryLock>(folder.path());
  const std::string message = message_of([&] { DirectoryLock second(folder.path()); });
  CHECK(contains(message, folder.path()));
  CHECK(contains(message, "process " + std::to_string(::getpid())));
  lock.reset();
  CHECK_NOTHROW(DirectoryLock(folder.path()));
  CHECK(contains(message_of([&] { DirectoryLock(folder / "missing"); }), folder / "missing"));
}

TEST_CASE("FileLock is tried again") {
  const TempFolder folder;
  auto first = std::make_unique<FileLock>(folder / "file");
  CHECK(first->held());
  FileLock second(folder / "file");
  CHECK(!second.held());
  CHECK(second.holder() == "process " + std::to_string(::getpid()));
  first.reset();
  second.try_again();
  CHECK(second.held());
  CHECK(contains(message_of([&] { FileLock(folder / "missing/file"); }), "missing/file"));
}

TEST_CASE("DirectoryLock ends with its process, also by kill -9") {
  const TempFolder folder;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const DirectoryLock lock(folder.path());
    if (::write(ready[1], "x", 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(contains(message_of([&] { DirectoryLock(folder.path()); }), "process " + std::to_string(child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK_NOTHROW(DirectoryLock(folder.path()));
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace mellow::test
