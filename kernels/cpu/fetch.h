// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace mellow::cpu {

// Fetches elements [0, count) into the caches, for loops that walk several rows at a time: processors foresee
// few such streams. Static, because units for wider instruction sets keep their own copies (tile_kernel.h).
template <class T>
static inline __attribute__((always_inline)) void fetch(const T* x, int64_t count) {
  constexpr int64_t line = 64 / static_cast<int64_t>(sizeof(T));
  for (int64_t i = 0; i < count; i += line) __builtin_prefetch(x + i);
}

}  // namespace mellow::cpu
