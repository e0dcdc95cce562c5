// SPDX-License-Identifier: MIT
#include "mellow/engine/io/directory_lock.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace mellow {
namespace {

int open_lock(const std::string& path) {
  const int fd = uninterrupted([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666); });
  if (fd < 0) throw io_error("create", path, errno);
  return fd;
}

}  // namespace

FileLock::FileLock(const std::string& path) : path_(path), file_(open_lock(path)) { try_again(); }

void FileLock::try_again() {
  const int result = uninterrupted([&] { return ::flock(file_.get(), LOCK_EX | LOCK_NB); });
  if (result < 0 && errno == EWOULDBLOCK) return;
  if (result < 0) throw io_error("lock", path_, errno);
  held_ = true;
  const std::string pid = std::to_string(::getpid()) + '\n';
  size_t done = 0;
  if (::ftruncate(file_.get(), 0) < 0 || !write_all(real_file_system(), file_.get(), pid, done))
    throw io_error("write", path_, errno);
}

std::string FileLock::holder() const {
  std::array<char, 32> digits{};
  const ssize_t n = ::pread(file_.get(), digits.data(), digits.size(), 0);
  std::string pid;
  for (ssize_t i = 0; i < n && digits[static_cast<size_t>(i)] >= '0' && digits[static_cast<size_t>(i)] <= '9';
       ++i)
    pid += digits[static_cast<size_t>(i)];
  return pid.empty() ? "another process" : "process " + pid;
}

DirectoryLock::DirectoryLock(const std::string& folder) : file_(folder + "/.lock") {
  if (!file_.held())
    throw Error(text("[io] ", folder, " is in use by ", file_.holder(),
                     "; wait until it ends or choose another folder"),
                ErrorKind::io);
}

}  // namespace mellow
