// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/bf16.h"
#include "mellow/kernels/cpu/bf16_tile.h"

// The bf16 product written against a tile unit:
//   Unit::configure(), Unit::release();  unit.clear();  unit.load_a(i, address, bytes between rows);
//   unit.load_b(i, address);  unit.multiply(i, j): sums(i, j) += a(i) · b(j);  unit.store(i, j, address,
//   bytes).
// In an unnamed namespace for the reason given in tile_kernel.h.
namespace mellow::cpu {
namespace {

template <class Unit, int row_tiles, int column_tiles>
void multiply_bf16(const Bf16Tile& t) {
  Unit unit;
  unit.clear();
  const int64_t row_bytes = t.a_step * 2;
  for (int term = 0; term < t.terms; ++term) {
    for (int64_t s = 0; s < t.segments; ++s) {
      const uint16_t* a = t.a[term] + s * t.a_segment;
      const uint16_t* b = t.b[term] + s * t.b_segment;
      for (int64_t k = 0; k < t.chunks; ++k) {
        unit.load_a(0, a, row_bytes);
        if constexpr (row_tiles == 2) unit.load_a(1, a + bf16_rows * t.a_step, row_bytes);
        unit.load_b(0, b);
        if constexpr (column_tiles == 2) unit.load_b(1, b + bf16_b_tile);
        unit.multiply(0, 0);
        if constexpr (column_tiles == 2) unit.multiply(0, 1);
        if constexpr (row_tiles == 2) unit.multiply(1, 0);
        if constexpr (row_tiles == 2 && column_tiles == 2) unit.multiply(1, 1);
        a += bf16_depth;
        b += bf16_b_tile * column_tiles;
      }
    }
  }
  constexpr int width = column_tiles * bf16_columns;
  alignas(64) float sums[row_tiles * bf16_rows * width];
  for (int i = 0; i < row_tiles; ++i)
    for (int j = 0; j < column_tiles; ++j)
      unit.store(i, j, sums + i * bf16_rows * width + j * bf16_columns, width * sizeof(float));
  for (int r = 0; r < t.rows; ++r)
#pragma GCC ivdep  // init is c itself or elsewhere, never shifted
    for (int n = 0; n < t.columns; ++n)
      t.c[r * t.c_row + n] = t.init[r * t.init_row + n] + sums[r * width + n];
}

inline void convert_bf16(const float* x, int64_t n, uint16_t* high, uint16_t* low) {
  for (int64_t i = 0; i < n; ++i) high[i] = to_bf16(x[i]);
  if (low)
    for (int64_t i = 0; i < n; ++i) low[i] = to_bf16(x[i] - from_bf16(high[i]));
}

inline void transpose_bf16(const float* x, int64_t x_row, int64_t rows, int64_t columns, uint16_t* high,
                           uint16_t* low, int64_t to_row) {
  constexpr int64_t block = 16;  // keeps the lines of x and of the result in the first-level cache
  for (int64_t r0 = 0; r0 < rows; r0 += block) {
    const int64_t r1 = r0 + block < rows ? r0 + block : rows;
    for (int64_t c = 0; c < columns; ++c)
      for (int64_t r = r0; r < r1; ++r) high[c * to_row + r] = to_bf16(x[r * x_row + c]);
    for (int64_t c = 0; low && c < columns; ++c)
      for (int64_t r = r0; r < r1; ++r)
        low[c * to_row + r] = to_bf16(x[r * x_row + c] - from_bf16(high[c * to_row + r]));
  }
}

inline void pack_bf16(const float* b, int64_t b_row, int64_t depth, int64_t columns, uint16_t* high,
                      uint16_t* low) {
  for (int64_t k0 = 0; k0 < depth; k0 += bf16_depth) {
    for (int64_t n0 = 0; n0 < columns; n0 += bf16_columns) {
      for (int64_t k = k0; k < k0 + bf16_depth; ++k) {
        uint16_t* to = high + (k - k0) / 2 * (2 * bf16_columns) + k % 2;
        uint16_t* to_low = low ? low + (to - high) : nullptr;
        for (int64_t n = n0; n < n0 + bf16_columns; ++n) {
          const float x = k < depth && n < columns ? b[k * b_row + n] : 0.0f;
          to[2 * (n - n0)] = to_bf16(x);
          if (to_low) to_low[2 * (n - n0)] = to_bf16(x - from_bf16(to_bf16(x)));
        }
      }
      high += bf16_b_tile;
      if (low) low += bf16_b_tile;
    }
  }
}

template <class Unit>
constexpr Bf16Kernels make_bf16_kernels() {
  return {Unit::configure,
          Unit::release,
          {{multiply_bf16<Unit, 1, 1>, multiply_bf16<Unit, 1, 2>},
           {multiply_bf16<Unit, 2, 1>, multiply_bf16<Unit, 2, 2>}},
          convert_bf16,
          transpose_bf16,
          pack_bf16};
}

}  // namespace
}  // namespace mellow::cpu
