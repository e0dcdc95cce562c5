// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/small_mlp_rows.h"

#include "mellow/kernels/cpu/clones.h"
#include "mellow/kernels/cpu/transpose.h"

namespace mellow::cpu {

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
