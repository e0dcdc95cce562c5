// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mellow/engine/core/error.h"
#include "mellow/tests/support/files.h"
#include "mellow/tests/support/places.h"

namespace mellow::test {

// The program mellow in a process of its own, with its output in files of `folder`.
class Program {
 public:
  // `largest_file` in bytes; writing more fails, as on a full disk. 0 for no limit.
  Program(const std::string& folder, const std::vector<std::string>& arguments, const std::string& input = "",
          rlim_t largest_file = 0)
      : out_(folder + "/stdout"), err_(folder + "/stderr") {
    const std::string in = folder + "/stdin";
    spill(in, input);
    for (const std::string& said : {out_, err_}) spill(said, "");  // nothing of an earlier program is read
    std::vector<char*> words = {const_cast<char*>("mellow")};
    for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    const std::string program = place_named("MELLOW_PROGRAM", MELLOW_PROGRAM);
    process_ = fork();
    if (process_ < 0) throw Error("cannot fork", ErrorKind::io);
    if (process_ > 0) return;
    redirect(in, O_RDONLY, STDIN_FILENO);
    redirect(out_, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    redirect(err_, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
    const rlimit limit = {largest_file, largest_file};
    if (largest_file > 0 && setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(125);
    execv(program.c_str(), words.data());
    _exit(127);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (process_ > 0) signal(SIGKILL), wait();
  }

  void signal(int number) { kill(process_, number); }
  // The exit code, or minus the signal that ended it.
  int wait() {
    int status = 0;
    waitpid(process_, &status, 0);
    process_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  std::string out() const { return slurp(out_); }
  std::string err() const { return slurp(err_); }

 private:
  static void redirect(const std::string& path, int flags, int to) {
    const int fd = open(path.c_str(), flags, 0600);
    if (fd < 0 || dup2(fd, to) < 0) _exit(126);
  }

  std::string out_, err_;
  pid_t process_ = 0;
};

// Whether f() comes true while another process works; waits up to five minutes.
template <class F>
bool comes_true(F&& f) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (!f()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}
inline bool appears(const std::string& path) {
  return comes_true([&] { return std::filesystem::exists(path); });
}
// Of a training: its metrics.csv has a few rows.
inline bool is_under_way(const std::string& run) {
  return comes_true([&] { return slurp(run + "/metrics.csv").size() > 1000; });
}

}  // namespace mellow::test
