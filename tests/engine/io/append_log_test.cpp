// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/io/append_log.h"
#include "mellow/tests/engine/io/faulty_files.h"
#include "mellow/tests/support/files.h"

namespace mellow::test {
namespace {

TEST_CASE("AppendLog appends, reopens and goes back to a checkpoint") {
  const TempFolder folder;
  const std::string path = folder / "metrics.csv";
  uint64_t checkpoint = 0;
  {
    AppendLog log(path);
    CHECK(log.size() == 0);
    log.write_line("epoch,loss");
    log.write_line("1,0.5");
    log.sync();
    checkpoint = log.size();
    CHECK(checkpoint == 17);
    log.write_line("2,0.4");
  }
  AppendLog log(path);
  CHECK(log.size() == 23);
  log.truncate(checkpoint);
  log.write_line("2,0.3");
  CHECK(slurp(path) == "epoch,loss\n1,0.5\n2,0.3\n");
  CHECK(log.size() == 23);
  const std::string message = message_of([&] { log.truncate(24); });
  CHECK(contains(message, path));
  CHECK(contains(message, "24"));
  CHECK(slurp(path).size() == 23);
}

TEST_CASE("AppendLog holds whole lines when a write fails half-way") {
  const TempFolder folder;
  const std::string path = folder / "metrics.csv";
  for (const int first_bad :
       {1, 2, 4}) {  // the open is call 0; then one byte gets through before each later call
    CAPTURE(first_bad);
    spill(path, "a\n");
    // Writes one byte at a time until the disk is full.
    struct Filling final : FileSystem {
      int left;
      explicit Filling(int n) : left(n) {}
      ssize_t write(int fd, const void* bytes, size_t) override {
        if (--left > 0) return FileSystem::write(fd, bytes, 1);
        errno = ENOSPC;
        return -1;
      }
    } files(first_bad);
    AppendLog log(path, files);
    const std::string message = message_of([&] { log.write_line("next line"); });
    CHECK(contains(message, path));
    CHECK(contains(message, "No space left"));
    CHECK(contains(message, "10 bytes needed"));
    CHECK(slurp(path) == "a\n");
    CHECK(log.size() == 2);
    files.left = 100;
    log.write_line("b");
    CHECK(slurp(path) == "a\nb\n");
  }
}

TEST_CASE("AppendLog works through interruptions and reports the rest") {
  const TempFolder folder;
  const std::string path = folder / "log";
  FaultyFiles interrupted(0, EINTR, 2);
  AppendLog log(path, interrupted);
  log.write_line("x");
  CHECK(slurp(path) == "x\n");
  FaultyFiles failing(1, EIO, 2);
  AppendLog bad(path, failing);
  CHECK(contains(message_of([&] { bad.sync(); }), "cannot sync"));
  CHECK(contains(message_of([&] { bad.truncate(0); }), "cannot truncate"));
  CHECK(contains(message_of([&] { AppendLog(folder / "no/log"); }), folder / "no/log"));
}

}  // namespace
}  // namespace mellow::test
