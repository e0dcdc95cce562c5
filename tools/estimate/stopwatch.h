// SPDX-License-Identifier: MIT
#pragma once

#include <ctime>

#include "mellow/engine/core/context.h"

namespace mellow::tools {

// Seconds since it was made. On one CPU thread those that this process computed, which other work on the
// machine disturbs least; else those of the clock.
class Stopwatch {
 public:
  explicit Stopwatch(const Context& context)
      : clock_(counts_cpu_time(context) ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC), start_(now()) {}

  static bool counts_cpu_time(const Context& context) {
    return context.device() == Device::cpu && context.threads() == 1;
  }
  double seconds() const { return now() - start_; }

 private:
  double now() const {
    timespec t{};
    clock_gettime(clock_, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  }

  clockid_t clock_;
  double start_;
};

}  // namespace mellow::tools
