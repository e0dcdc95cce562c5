// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

#include <omp.h>

#include "mellow/engine/core/backend.h"

namespace mellow::cpu {

// How [0, n) is split: part i of `parts` gets [begin(i), begin(i + 1)). Depends on n, grain and the thread
// count alone.
struct Split {
  int64_t n;
  int parts;
  int64_t begin(int i) const { return n * i / parts; }
};

// At most one part per thread, each of at least `grain` items.
inline Split split(const Cpu& cpu, int64_t n, int64_t grain) {
  const int64_t most = std::max<int64_t>(1, n / std::max<int64_t>(1, grain));
  return {n, static_cast<int>(std::min<int64_t>(cpu.threads(), most))};
}

// Calls f(part, begin, end) for each part, each on its own thread. f must not throw.
template <class F>
void for_parts(const Split& s, F&& f) {
  if (s.parts == 1) {
    f(0, int64_t{0}, s.n);
    return;
  }
#pragma omp parallel num_threads(s.parts)
  {
    // OpenMP may give fewer threads than asked for: the parts stay the same, so the result does too.
    for (int part = omp_get_thread_num(); part < s.parts; part += omp_get_num_threads())
      f(part, s.begin(part), s.begin(part + 1));
  }
}

// Calls f(begin, end) on ranges of [0, n) of at least `grain` items.
template <class F>
void parallel_for(const Cpu& cpu, int64_t n, int64_t grain, F&& f) {
  if (n > 0) for_parts(split(cpu, n, grain), [&](int, int64_t begin, int64_t end) { f(begin, end); });
}

}  // namespace mellow::cpu
