// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace mellow::cpu {

constexpr int bf16_rows = 16, bf16_columns = 16, bf16_depth = 32;  // one tile of A is 16 × 32, of B 32 × 16
constexpr int bf16_b_tile = bf16_depth * bf16_columns;             // elements

// Up to 2 × 2 tiles of a bf16 product with fp32 sums, over `terms` pairs of operands:
//   c[r][n] = init[r][n] + sum over terms, segments s, depth k of A(r, s, k) · B(s, k, n)
// for r < rows, n < columns. A(r, s, k) = a[term][s * a_segment + r * a_step + k] is read in place, always
// for whole tiles, so 16 or 32 rows and `chunks` runs of 32 elements must lie in memory and be finite; what
// is beyond the product meets zeros in B. B(s) = b[term][s * b_segment] is packed as [chunk][column
// tile][pair of k][16 columns][2].
struct Bf16Tile {
  const uint16_t* a[3];
  int64_t a_step, a_segment;
  const uint16_t* b[3];
  int64_t b_segment;
  int terms;
  int64_t segments, chunks;
  const float* init;
  int64_t init_row;
  float* c;
  int64_t c_row;
  int rows, columns;
};

// One unit for such products: AMX, AVX512-BF16, or the software one of the tests.
struct Bf16Kernels {
  // Set up and give up the calling thread's tile registers, around any number of products.
  void (*configure)();
  void (*release)();
  void (*multiply[2][2])(const Bf16Tile&);  // [row tiles - 1][column tiles - 1]
  // high and, unless null, low part of n floats.
  void (*convert)(const float* x, int64_t n, uint16_t* high, uint16_t* low);
  // high[c * to_row + r] (and low) from x[r * x_row + c].
  void (*transpose)(const float* x, int64_t x_row, int64_t rows, int64_t columns, uint16_t* high,
                    uint16_t* low, int64_t to_row);
  // Packs a [depth, columns <= 32] matrix with rows of b_row floats as multiply() wants B, with zeros up to
  // whole tiles.
  void (*pack)(const float* b, int64_t b_row, int64_t depth, int64_t columns, uint16_t* high, uint16_t* low);
};

// Null where the build has no such instructions.
const Bf16Kernels* amx_kernels();
const Bf16Kernels* avx512_bf16_kernels();

}  // namespace mellow::cpu
