// SPDX-License-Identifier: MIT
#include "mellow/tools/progress.h"

#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

namespace mellow::tools {
namespace {

constexpr auto redraw = std::chrono::milliseconds(100);
constexpr auto log_every = std::chrono::seconds(10);

}  // namespace

Progress::Progress(bool quiet)
    : quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) == 1),
      next_(std::chrono::steady_clock::now() + (terminal_ ? redraw : log_every)) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
  shown_ = false;
}

void Progress::note(const std::string& line) {
  if (quiet_) return;
  clear();
  std::fputs((line + '\n').c_str(), stderr);
}

bool Progress::due() const { return !quiet_ && std::chrono::steady_clock::now() >= next_; }

void Progress::show(const std::string& line) {
  if (quiet_) return;
  std::fputs((terminal_ ? "\r\x1b[K" + line : line + '\n').c_str(), stderr);
  shown_ = terminal_;
  next_ = std::chrono::steady_clock::now() + (terminal_ ? redraw : log_every);
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<long long>(std::llround(std::fmax(0, seconds)));
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string time_left(double seconds, int64_t done, int64_t left) {
  return duration_text(seconds / static_cast<double>(done) * static_cast<double>(left));
}

}  // namespace mellow::tools
