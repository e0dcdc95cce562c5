// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/parallel.h"

namespace mellow::cpu {

// sums[c] (+)= Σ over rows of x[row, c]: in double and in the order of the rows, so that the result is the
// same for every thread count.
template <class T>
void column_sums(const Cpu& cpu, const Rows& rows, const T* x, T* sums, bool add) {
  constexpr int64_t block = 64;
  const int64_t blocks = (rows.width + block - 1) / block;
  parallel_for(cpu, blocks, 1 + 65536 / (rows.count * block + 1), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const int64_t first = b * block, width = std::min(block, rows.width - first);
      double sum[block] = {};
      for (int64_t r = 0; r < rows.count; ++r) {
        const T* row = x + r * rows.stride + first;
        for (int64_t c = 0; c < width; ++c) sum[c] += static_cast<double>(row[c]);
      }
      for (int64_t c = 0; c < width; ++c) {
        const auto v = static_cast<T>(sum[c]);
        sums[first + c] = add ? sums[first + c] + v : v;
      }
    }
  });
}

}  // namespace mellow::cpu
