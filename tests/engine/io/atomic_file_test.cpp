// SPDX-License-Identifier: MIT
#include <algorithm>
#include <csignal>
#include <span>
#include <system_error>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mellow/engine/io/atomic_file.h"
#include "mellow/tests/engine/io/faulty_files.h"
#include "mellow/tests/support/files.h"

namespace mellow::test {
namespace {

// Runs f in a child process; returns its exit code, 255 when a signal ended it.
template <class F>
int in_child(F&& f) {
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 99;
    try {
      code = f();
    } catch (...) {
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

TEST_CASE("write_file_atomically writes and replaces") {
  const TempFolder folder;
  const std::string path = folder / "out.txt";
  write_file_atomically(path, "one");
  CHECK(slurp(path) == "one");
  write_file_atomically(path, "");
  CHECK(slurp(path).empty());
  CHECK(folder.entries() == 1);
}

TEST_CASE("AtomicFile discards what was not committed") {
  const TempFolder folder;
  const std::string path = folder / "out.txt";
  spill(path, "old");
  {
    AtomicFile file(path, 3);
    file.write("new");
    CHECK(folder.entries() == 2);
  }
  CHECK(slurp(path) == "old");
  CHECK(folder.entries() == 1);

  AtomicFile file(path, 3);
  file.write("n");
  file.write(std::as_bytes(std::span("ew", 2)));
  file.commit();
  CHECK(slurp(path) == "new");
  CHECK(contains(message_of([&] { file.write("x"); }), "after commit"));
  CHECK(contains(message_of([&] { file.commit(); }), "after commit"));
}

TEST_CASE("AtomicFile follows links and refuses what is no regular file") {
  const TempFolder folder;
  spill(folder / "target", "old");
  std::filesystem::create_symlink("target", folder / "link");
  write_file_atomically(folder / "link", "new");
  CHECK(slurp(folder / "target") == "new");
  CHECK(std::filesystem::is_symlink(folder / "link"));

  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(contains(message_of([&] { write_file_atomically(folder / "pipe", "x"); }), "not a regular file"));
  CHECK(contains(message_of([&] { write_file_atomically(folder.path(), "x"); }), folder.path()));
  const std::string missing = message_of([&] { write_file_atomically(folder / "no/such/out", "x"); });
  CHECK(contains(missing, folder / "no/such/out"));
  CHECK(contains(missing, "No such file"));
}

TEST_CASE("whatever system call fails, the old file or the complete new one stands, and no temporary stays") {
  for (const int error_number : {ENOSPC, EIO, EDQUOT, EROFS}) {
    CAPTURE(error_number);
    int k = 0;
    for (bool fired = true; fired; ++k) {
      CAPTURE(k);
      REQUIRE(k < 50);
      const TempFolder folder;
      const std::string path = folder / "out.txt";
      spill(path, "old");
      FaultyFiles files(k, error_number);
      const std::string message = message_of([&] { write_file_atomically(path, "the new text", files); });
      fired = files.fired();
      CHECK(folder.entries() == 1);
      if (message.empty()) {
        CHECK(slurp(path) == "the new text");
        CHECK(!fired);
      } else {
        const bool after_rename = contains(message, "sync the folder");
        CHECK(slurp(path) == (after_rename ? "the new text" : "old"));
        CHECK(contains(message, path));
        CHECK(contains(message, std::generic_category().message(error_number)));
        CHECK(contains(message, "12 bytes needed"));
      }
    }
    CHECK(k ==
          8);  // open, write, fsync, close, open the folder, rename, fsync the folder; then none left to fail
  }
}

TEST_CASE("interruptions and short writes are worked through") {
  for (int k = 0; k < 8; ++k) {
    CAPTURE(k);
    const TempFolder folder;
    const std::string path = folder / "out.txt";
    if (k != 5) {  // rename is not interruptible
      FaultyFiles interrupted(k, EINTR, k == 3 ? 1 : 3);
      write_file_atomically(path, "the new text", interrupted);
      CHECK(slurp(path) == "the new text");
    }
  }
  const TempFolder folder;
  FaultyFiles short_writes(1, 0, 5);
  write_file_atomically(folder / "out.txt", "the new text", short_writes);
  CHECK(slurp(folder / "out.txt") == "the new text");
  CHECK(short_writes.calls() == 7 + 5);
}

TEST_CASE("the data is on disk before the name is, and the name before commit returns") {
  struct Recorder final : FileSystem {
    std::string calls;
    int open(const char* path, int flags, mode_t mode) override {
      calls += "open ";
      return FileSystem::open(path, flags, mode);
    }
    ssize_t write(int fd, const void* bytes, size_t size) override {
      calls += "write ";
      return FileSystem::write(fd, bytes, size);
    }
    int sync(int fd) override {
      struct stat status;
      calls += ::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) ? "sync-folder " : "sync ";
      return FileSystem::sync(fd);
    }
    int rename(const char* from, const char* to) override {
      calls += "rename ";
      return FileSystem::rename(from, to);
    }
  } files;
  const TempFolder folder;
  write_file_atomically(folder / "out.txt", "text", files);
  CHECK(files.calls == "open write sync open rename sync-folder ");
}

TEST_CASE("a disk that fills up after some bytes leaves the old file") {
  const TempFolder folder;
  const std::string path = folder / "big.bin";
  spill(path, "old");
  const std::string big(100'000, 'x');
  const int code = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{30'000, 30'000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    const std::string message = message_of([&] { write_file_atomically(path, big); });
    return contains(message, path) && contains(message, "100000 bytes needed, 30000 written") ? 0 : 2;
  });
  CHECK(code == 0);
  CHECK(slurp(path) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("sweep_stale_temps takes only names that AtomicFile makes") {
  const TempFolder folder;
  for (const char* name : {"a.tmp.12.0123456789abcdef", "a.tmp.1.tmp.7.0123456789abcdef"})
    spill(folder / name, "");
  for (const char* name : {".tmp.12.0123456789abcdef", "a.tmp.12.0123456789abcde",
                           "a.tmp.12.0123456789abcdef0", "a.tmp.x.0123456789abcdef",
                           "a.tmp..0123456789abcdef", "a.tmp.12.0123456789abcdeg", "a.tmp.12", "a.tmp.", "a"})
    spill(folder / name, "");
  CHECK(sweep_stale_temps(folder.path()) == 2);
  CHECK(folder.entries() == 9);
}

TEST_CASE("kill -9 while writing leaves the old file, and the next start sweeps the temporary") {
  const TempFolder folder;
  const std::string path = folder / "out.txt";
  spill(path, "old");
  spill(folder / "notes.tmp.txt", "mine");
  const int code = in_child([&] {
    AtomicFile file(path, 100);
    file.write("half");
    ::raise(SIGKILL);
    return 0;
  });
  CHECK(code == 255);
  CHECK(slurp(path) == "old");
  CHECK(folder.entries() == 3);

  AtomicFile alive(folder / "other.txt", 5);
  alive.write("alive");
  CHECK(sweep_stale_temps(folder.path()) == 1);
  alive.commit();
  CHECK(slurp(folder / "other.txt") == "alive");
  CHECK(slurp(folder / "notes.tmp.txt") == "mine");
  CHECK(folder.entries() == 3);
  CHECK(sweep_stale_temps(folder.path()) == 0);
  CHECK(contains(message_of([&] { sweep_stale_temps(folder / "missing"); }), folder / "missing"));
}

TEST_CASE("kill -9 before any system call of a save leaves a complete file") {
  struct Deadly final : FileSystem {
    int left;
    explicit Deadly(int calls) : left(calls) {}
    void count() {
      if (left-- == 0) ::raise(SIGKILL);
    }
    int open(const char* path, int flags, mode_t mode) override {
      count();
      return FileSystem::open(path, flags, mode);
    }
    ssize_t write(int fd, const void* bytes, size_t size) override {
      count();
      return FileSystem::write(fd, bytes, std::min<size_t>(size, 5));
    }
    int sync(int fd) override {
      count();
      return FileSystem::sync(fd);
    }
    int close(int fd) override {
      count();
      return FileSystem::close(fd);
    }
    int rename(const char* from, const char* to) override {
      count();
      return FileSystem::rename(from, to);
    }
  };
  const TempFolder folder;
  const std::string path = folder / "out.txt";
  int k = 0;
  for (int code = 255; code == 255; ++k) {
    CAPTURE(k);
    REQUIRE(k < 50);
    spill(path, "old");
    code = in_child([&] {
      Deadly files(k);
      write_file_atomically(path, "the new text", files);
      return 0;
    });
    // Nine calls: open, three writes, fsync, close, open the folder, rename, fsync the folder.
    CHECK(slurp(path) == (k <= 7 ? "old" : "the new text"));
    const bool temp_left = k >= 1 && k <= 7;
    CHECK(sweep_stale_temps(folder.path()) == (temp_left ? 1 : 0));
    CHECK(folder.entries() == 1);
  }
  CHECK(k == 10);
}

TEST_CASE("a folder is made with those above it, or the error names it") {
  const TempFolder folder;
  const std::string path = folder / "a/b";
  for (int again = 0; again < 2; ++again) make_folder(path);
  spill(path + "/file", "here");
  CHECK(slurp(path + "/file") == "here");
  for (const std::string& blocked : {path + "/file", path + "/file/c"}) {
    CAPTURE(blocked);
    CHECK_THROWS_WITH_AS(make_folder(blocked), doctest::Contains(blocked.c_str()), Error);
  }
  CHECK(slurp(path + "/file") == "here");
}

}  // namespace
}  // namespace mellow::test
