// SPDX-License-Identifier: MIT
#include "mellow/engine/io/file_system.h"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mellow {

int FileSystem::open(const char* path, int flags, mode_t mode) { return ::open(path, flags, mode); }
ssize_t FileSystem::write(int fd, const void* bytes, size_t size) { return ::write(fd, bytes, size); }
int FileSystem::truncate(int fd, off_t size) { return ::ftruncate(fd, size); }
int FileSystem::sync(int fd) { return ::fsync(fd); }
int FileSystem::close(int fd) { return ::close(fd); }
int FileSystem::rename(const char* from, const char* to) { return ::rename(from, to); }

FileSystem& real_file_system() {
  static FileSystem files;
  return files;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Error io_error(std::string_view action, const std::string& path, int error_number, const std::string& detail,
               ErrorKind kind) {
  return Error(
      text("[io] cannot ", action, " ", path, ": ", std::generic_category().message(error_number), detail),
      kind);
}

int open_to_read(const std::string& path) {
  const int fd = uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
  if (fd < 0) throw io_error("open", path, errno, "", ErrorKind::input);
  struct stat status;
  if (::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
    ::close(fd);
    throw io_error("read", path, EISDIR, "", ErrorKind::input);
  }
  return fd;
}

bool write_all(FileSystem& files, int fd, std::string_view bytes, size_t& done) {
  done = 0;
  while (done < bytes.size()) {
    const ssize_t n = files.write(fd, bytes.data() + done, bytes.size() - done);
    if (n > 0) {
      done += static_cast<size_t>(n);
    } else if (n == 0) {  // POSIX leaves this open for regular files; going on could go on for ever
      errno = EIO;
      return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace mellow
