// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/small_mlp_rows.h"

#include "mellow/kernels/cpu/clones.h"

namespace mellow::cpu {
namespace {

typedef float Four __attribute__((vector_size(16)));
typedef float FourAnywhere __attribute__((vector_size(16), aligned(4), may_alias));

Four load(const float* from) { return *reinterpret_cast<const FourAnywhere*>(from); }
void store(float* to, Four x) { *reinterpret_cast<FourAnywhere*>(to) = x; }

// A 4 × 4 block in registers.
inline void transpose_block(const float* from, int64_t from_row, float* to, int64_t to_row) {
  const Four a = load(from), b = load(from + from_row), c = load(from + 2 * from_row),
             d = load(from + 3 * from_row);
  const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5),
             ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5),
             cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  store(to, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
  store(to + to_row, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
  store(to + 2 * to_row, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
  store(to + 3 * to_row, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

}  // namespace

MELLOW_CLONES void relu(int64_t n, float* x) {
  for (int64_t i = 0; i < n; ++i) x[i] = x[i] > 0 ? x[i] : 0;
}

MELLOW_CLONES void mask_by_relu(int64_t rows, int64_t columns, const float* activation, int64_t pitch,
                                float* delta) {
  for (int64_t r = 0; r < rows; ++r) {
#pragma GCC ivdep
    for (int64_t c = 0; c < columns; ++c)
      delta[r * columns + c] = activation[r * pitch + c] > 0 ? delta[r * columns + c] : 0;
  }
}

MELLOW_CLONES void sum_rows(int64_t rows, int64_t columns, const float* x, float* sum) {
  for (int64_t c = 0; c < columns; ++c) sum[c] = x[c];
  for (int64_t r = 1; r < rows; ++r) {
#pragma GCC ivdep
    for (int64_t c = 0; c < columns; ++c) sum[c] += x[r * columns + c];
  }
}

void transpose_panels(const float* from, int64_t rows, int64_t panels, int64_t panel, int64_t panel_of_rows,
                      float* to) {
  const int64_t columns = panels * panel;
  for (int64_t p = 0; p < panels; ++p)
    for (int64_t r = 0; r < rows; r += 4)
      for (int64_t c = 0; c < panel; c += 4)
        transpose_block(
            from + (p * rows + r) * panel + c, panel,
            to + (r / panel_of_rows * columns + p * panel + c) * panel_of_rows + r % panel_of_rows,
            panel_of_rows);
}

}  // namespace mellow::cpu
