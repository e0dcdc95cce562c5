// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace mellow::cpu {

// Two bf16 values that follow each other along the depth of a product, the earlier one in the low half: an
// operand of the processor's bf16 products.
enum class Bf16Pair : uint32_t {};

template <class T>
struct SumOf {
  using type = T;
};
template <>
struct SumOf<Bf16Pair> {
  using type = float;
};

// One register tile of a matrix product, the only thing that differs between instruction sets:
//   c[r][n] = init[r][n] + sum over segments s and depth k of A(r, s, k) · B(s, k, n)
// for r < rows, n < columns. B is packed without gaps in k: B(s, k, n) = b[s * b_segment + k * columns + n].
// A is read in place:
//   across:  A(r, s, k) = a[s * a_segment + r * a_step + k]
//            rows of A lie apart, as in a window over a series
//   down:    A(r, s, k) = a[s * a_segment + k * a_step + r]
//            A transposed: neighbouring rows are neighbours in memory
// init may be c itself; init_row = 0 repeats one row (a bias). segments = 0 writes init alone. T is float,
// double, or Bf16Pair, of which every step of the depth multiplies two and adds both.
// While it multiplies, a tile fetches into the caches what will be wanted next: rows like A's from next_a on
// (down: as many neighbours as A has elements) and the rows of c below its own. Rows that lie apart are more
// streams than processors foresee. Beyond the arrays a fetch does nothing.
template <class T>
struct Tile {
  using Sum = typename SumOf<T>::type;
  const T* a;
  int64_t a_step, a_segment;
  const T* b;
  int64_t b_segment;
  const Sum* init;
  int64_t init_row;
  Sum* c;
  int64_t c_row;
  int64_t segments, depth;
  const T* next_a = nullptr;  // null: a
};

template <class T>
using TileFunction = void (*)(const Tile<T>&);

constexpr int max_tile_rows = 14, max_tile_columns = 32;

// The tiles of one instruction set. A tile is one or two vectors of `lanes` columns wide and 1 … rows high.
// Bf16Pair has them for A transposed alone.
template <class T>
struct TileKernels {
  int rows, lanes;
  int block_depth;  // depth of a two-vector panel of B that shares the first-level cache with A
  TileFunction<T> across[max_tile_rows][2];  // [rows - 1][vectors - 1]
  TileFunction<T> down[max_tile_rows][2];

  int columns() const { return 2 * lanes; }
};

// Null where the build has no such unit for the processor family (the run-time check is in cpu_features.h).
const TileKernels<float>* avx2_tiles();
const TileKernels<float>* avx512_tiles();
const TileKernels<float>& portable_tiles(float);
const TileKernels<double>& portable_tiles(double);

}  // namespace mellow::cpu
