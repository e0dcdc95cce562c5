// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

// Transposing in registers, four rows at a time.
namespace mellow::cpu {

using Four __attribute__((vector_size(16))) = float;
using FourAnywhere __attribute__((vector_size(16), aligned(4), may_alias)) = float;

inline Four load_four(const float* from) { return *reinterpret_cast<const FourAnywhere*>(from); }
inline void store_four(float* to, Four x) { *reinterpret_cast<FourAnywhere*>(to) = x; }

// A 4 × 4 block in registers.
inline void transpose_block(const float* from, int64_t from_row, float* to, int64_t to_row) {
  const Four a = load_four(from), b = load_four(from + from_row), c = load_four(from + 2 * from_row),
             d = load_four(from + 3 * from_row);
  const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5),
             ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5),
             cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  store_four(to, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
  store_four(to + to_row, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
  store_four(to + 2 * to_row, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
  store_four(to + 3 * to_row, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

// to[c * to_row + r] = from[r * from_row + c].
inline void transpose(const double* from, int64_t from_row, int64_t rows, int64_t columns, double* to,
                      int64_t to_row) {
  for (int64_t c = 0; c < columns; ++c)
    for (int64_t r = 0; r < rows; ++r) to[c * to_row + r] = from[r * from_row + c];
}
inline void transpose(const float* from, int64_t from_row, int64_t rows, int64_t columns, float* to,
                      int64_t to_row) {
  const int64_t whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
  for (int64_t c = 0; c < whole_columns; c += 4)
    for (int64_t r = 0; r < whole_rows; r += 4)
      transpose_block(from + r * from_row + c, from_row, to + c * to_row + r, to_row);
  for (int64_t c = 0; c < columns; ++c)
    for (int64_t r = c < whole_columns ? whole_rows : 0; r < rows; ++r)
      to[c * to_row + r] = from[r * from_row + c];
}

// The same for a sum: overwrites `to`, or adds to it.
template <class T>
void add_transposed(const T* from, int64_t from_row, int64_t rows, int64_t columns, bool add, T* to,
                    int64_t to_row) {
  constexpr int64_t side = 16;
  T block[side * side];
  for (int64_t r = 0; r < rows; r += side)
    for (int64_t c = 0; c < columns; c += side) {
      const int64_t height = std::min(side, rows - r), width = std::min(side, columns - c);
      transpose(from + r * from_row + c, from_row, height, width, block, side);
      for (int64_t i = 0; i < width; ++i)
        for (int64_t k = 0; k < height; ++k) {
          T& place = to[(c + i) * to_row + r + k];
          place = add ? place + block[i * side + k] : block[i * side + k];
        }
    }
}

}  // namespace mellow::cpu
