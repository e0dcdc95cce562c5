// SPDX-License-Identifier: MIT
#include "mellow/engine/io/append_log.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

namespace mellow {

AppendLog::AppendLog(const std::string& path, FileSystem& files) : path_(path), files_(files) {
  fd_ = uninterrupted(
      [&] { return files_.open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666); });
  if (fd_ < 0) throw io_error("open", path_, errno);
  struct stat status;
  if (::fstat(fd_, &status) < 0) {
    const int error_number = errno;
    files_.close(fd_);
    throw io_error("examine", path_, error_number);
  }
  size_ = static_cast<uint64_t>(status.st_size);
}

AppendLog::~AppendLog() { files_.close(fd_); }

void AppendLog::write_line(std::string_view line) {
  const std::string bytes = std::string(line) + '\n';
  size_t done = 0;
  if (!write_all(files_, fd_, bytes, done)) {
    const int error_number = errno;
    const bool cut = done == 0 || files_.truncate(fd_, static_cast<off_t>(size_)) == 0;
    throw io_error(
        "append to", path_, error_number,
        text("; ", bytes.size(), " bytes needed, ", done, " written", cut ? " and taken back" : ""));
  }
  size_ += bytes.size();
}

void AppendLog::sync() {
  // EINVAL: a pipe or terminal, which has nothing to sync.
  if (uninterrupted([&] { return files_.sync(fd_); }) < 0 && errno != EINVAL)
    throw io_error("sync", path_, errno);
}

void AppendLog::truncate(uint64_t size) {
  if (size > size_)
    throw Error(text("[io] ", path_, " has ", size_, " bytes, but ", size,
                     " were expected: it was cut or replaced since the checkpoint"),
                ErrorKind::input);
  if (uninterrupted([&] { return files_.truncate(fd_, static_cast<off_t>(size)); }) < 0)
    throw io_error("truncate", path_, errno);
  size_ = size;
}

}  // namespace mellow
