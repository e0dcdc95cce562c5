// SPDX-License-Identifier: MIT
#include "mellow/engine/io/atomic_file.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <random>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace mellow {
namespace {

namespace fs = std::filesystem;

// The file to replace: links followed, anything but a regular file refused (as root, a rename onto
// /dev/stdout would replace the device).
std::string resolve(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return path;
  MELLOW_CHECK(fs::is_regular_file(status), "[io] cannot write ", path,
               ": it exists and is not a regular file; choose another name");
  if (!fs::is_symlink(fs::symlink_status(path, error))) return path;
  const fs::path target = fs::canonical(path, error);
  if (error) throw io_error("resolve", path, error.value());
  return target.string();
}

std::string temp_name(const std::string& path) {
  std::random_device random;
  char suffix[64];
  std::snprintf(suffix, sizeof suffix, ".tmp.%ld.%08x%08x", static_cast<long>(::getpid()), random(),
                random());
  return path + suffix;
}

// Whether a name has the form that temp_name() gives: "<name>.tmp.<digits>.<16 hex digits>".
bool is_temp_name(std::string_view name) {
  const size_t mark = name.rfind(".tmp.");
  if (mark == std::string_view::npos || mark == 0) return false;
  const std::string_view pid_and_random = name.substr(mark + 5);
  const size_t dot = pid_and_random.find_first_not_of("0123456789");
  if (dot == 0 || dot == std::string_view::npos || pid_and_random[dot] != '.') return false;
  const std::string_view random = pid_and_random.substr(dot + 1);
  return random.size() == 16 && random.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string folder_of(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

int open_retrying(FileSystem& files, const std::string& path, int flags) {
  return uninterrupted([&] { return files.open(path.c_str(), flags | O_CLOEXEC, 0666); });
}

bool sync_retrying(FileSystem& files, int fd) {
  return uninterrupted([&] { return files.sync(fd); }) == 0;
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path, uint64_t bytes_needed, FileSystem& files)
    : path_(resolve(path)), temp_(temp_name(path_)), needed_(bytes_needed), files_(files) {
  fd_ = open_retrying(files_, temp_, O_WRONLY | O_CREAT | O_EXCL);
  if (fd_ < 0) {
    const int error_number = errno;
    temp_.clear();
    fail("create", error_number);
  }
  // Tells sweep_stale_temps() that the writer lives. Where locks are not supported, nothing is swept either.
  ::flock(fd_, LOCK_EX | LOCK_NB);
}

AtomicFile::~AtomicFile() {
  close_temp();
  if (!temp_.empty()) ::unlink(temp_.c_str());
}

void AtomicFile::close_temp() {
  if (fd_ >= 0) files_.close(fd_);
  fd_ = -1;
}

// Also cleans up: a constructor that throws has no destructor call, and a failed file cannot go on.
void AtomicFile::fail(std::string_view action, int error_number) {
  close_temp();
  if (!temp_.empty()) ::unlink(temp_.c_str());
  temp_.clear();
  throw io_error(action, path_, error_number, text("; ", needed_, " bytes needed, ", written_, " written"));
}

void AtomicFile::write(std::string_view bytes) {
  MELLOW_CHECK(fd_ >= 0, "[io] write to ", path_, " after commit or failure");
  size_t done = 0;
  const bool complete = write_all(files_, fd_, bytes, done);
  written_ += done;
  if (!complete) fail("write", errno);
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void AtomicFile::commit() {
  MELLOW_CHECK(fd_ >= 0, "[io] commit of ", path_, " after commit or failure");
  if (!sync_retrying(files_, fd_)) fail("write", errno);
  const int fd = std::exchange(fd_, -1);
  // Linux closes the descriptor even when interrupted; the data is safe since the fsync.
  if (files_.close(fd) < 0 && errno != EINTR) fail("close", errno);

  const int folder = open_retrying(files_, folder_of(path_), O_RDONLY | O_DIRECTORY);
  if (folder < 0) fail("open the folder of", errno);
  const FileDescriptor folder_owner(folder);
  if (files_.rename(temp_.c_str(), path_.c_str()) < 0) fail("rename to", errno);
  temp_.clear();
  // EINVAL: the file system does not sync folders (some network mounts).
  if (!sync_retrying(files_, folder) && errno != EINVAL) fail("sync the folder of", errno);
}

void write_file_atomically(const std::string& path, std::string_view bytes, FileSystem& files) {
  AtomicFile file(path, bytes.size(), files);
  file.write(bytes);
  file.commit();
}

void make_folder(const std::string& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (failed) throw io_error("make the folder", path, failed.value());
}

int sweep_stale_temps(const std::string& folder) {
  std::error_code error;
  int removed = 0;
  fs::directory_iterator entries(folder, error);
  if (error) throw io_error("list", folder, error.value());
  for (; entries != fs::directory_iterator(); entries.increment(error)) {
    if (error) throw io_error("list", folder, error.value());
    const std::string path = entries->path().string();
    if (!is_temp_name(entries->path().filename().string())) continue;
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file.get() < 0 || ::flock(file.get(), LOCK_EX | LOCK_NB) < 0) continue;
    if (::unlink(path.c_str()) == 0) ++removed;
  }
  return removed;
}

}  // namespace mellow
