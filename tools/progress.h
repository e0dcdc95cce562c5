// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace mellow::tools {

// What a person sees while the program works, on stderr. On a terminal one line that is rewritten, elsewhere
// a line every ten seconds, so that logs stay short.
class Progress {
 public:
  explicit Progress(bool quiet);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  // A line that stays.
  void note(const std::string& line);
  // Whether a new state would be shown now; ask before formatting one.
  bool due() const;
  void show(const std::string& line);

 private:
  void clear();

  bool quiet_, terminal_, shown_ = false;
  std::chrono::steady_clock::time_point next_;
};

// "1:05" or "2:01:05".
std::string duration_text(double seconds);
// How long `left` more pieces of work take when `done` of them, at least one, took `seconds`.
std::string time_left(double seconds, int64_t done, int64_t left);

}  // namespace mellow::tools
