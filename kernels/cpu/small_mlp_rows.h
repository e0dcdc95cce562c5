// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>

#include "mellow/kernels/cpu/vector_math.h"

// What SmallMlp does beside its products; single-threaded passes over data in the first-level cache.
namespace mellow::cpu {

// x := max(x, 0).
void relu(int64_t n, float* x);

// delta [rows][columns] := 0 where the unit's activation is not positive; activation rows lie `pitch` apart.
void mask_by_relu(int64_t rows, int64_t columns, const float* activation, int64_t pitch, float* delta);

// sum [columns] of x [rows][columns].
void sum_rows(int64_t rows, int64_t columns, const float* x, float* sum);

// [panel of columns][rows][panel] → [panel of rows][columns][panel_of_rows]: a matrix in panels, transposed.
// All sizes are multiples of 4.
void transpose_panels(const float* from, int64_t rows, int64_t panels, int64_t panel, int64_t panel_of_rows,
                      float* to);

// at(c) := scale · (softmax(z)_c − q_c). Inline, because three classes are less work than a call.
template <class At>
void cross_entropy_gradient(int64_t classes, const float* z, const float* q, float scale, At&& at) {
  float largest = z[0];
  for (int64_t c = 1; c < classes; ++c) largest = z[c] > largest ? z[c] : largest;
  float total = 0;
  for (int64_t c = 0; c < classes; ++c) total += at(c) = exp_of(z[c] - largest);
  for (int64_t c = 0; c < classes; ++c) at(c) = scale * (at(c) / total - q[c]);
}

}  // namespace mellow::cpu
