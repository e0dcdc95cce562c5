// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include "mellow/kernels/cpu/tile.h"
#include "mellow/kernels/cpu/vector_type.h"

// The register tile in GCC/Clang vector types, compiled once per instruction set. Only the *_<set>.cpp units
// include this file. Everything is in an unnamed namespace: code built for AVX must never be the copy the
// linker picks for a unit that runs without it.
namespace mellow::cpu {
namespace {

// What a tile is computed with. A unit that has another way for its element type specialises it.
template <class T, int lanes>
struct Arithmetic {
  using Operand = typename Vector<T, lanes>::type;
  using Sum = typename Vector<T, lanes>::type;
  static void load(const T* from, Operand& to) {
    to = *reinterpret_cast<const typename Vector<T, lanes>::unaligned*>(from);
  }
  static void multiply_add(T x, const Operand& row, Sum& sum) { sum += x * row; }
};

template <class T, int lanes, int rows, int vectors, bool is_down>
void run_tile(const Tile<T>& t) {
  using Numbers = Arithmetic<T, lanes>;
  using Unaligned = typename Vector<typename Tile<T>::Sum, lanes>::unaligned;
  typename Numbers::Sum sum[rows][vectors];
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v)
      sum[r][v] = *reinterpret_cast<const Unaligned*>(t.init + r * t.init_row + v * lanes);
  }
  const int64_t step = t.a_step;
  const T* next_a = t.next_a ? t.next_a : t.a;
  const auto* next_c = t.c + rows * t.c_row;
  constexpr int64_t line = 64 / sizeof(T);
  int64_t fetched_depth = 0;  // of next_a
  int fetched = 0;            // rows of next_c
  for (int64_t s = 0; s < t.segments; ++s) {
    const T* a = t.a + s * t.a_segment;
    const T* b = t.b + s * t.b_segment;
    for (int64_t k = t.depth; k > 0; --k) {
      __builtin_prefetch(next_a + fetched_depth);
      fetched_depth += is_down ? rows : line;
      if (!is_down && fetched_depth >= t.depth) {
        fetched_depth = 0;
        next_a += step;
      }
      if (fetched < rows) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) __builtin_prefetch(next_c + fetched * t.c_row + v * lanes, 1);
        ++fetched;
      }
      typename Numbers::Operand row[vectors];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) Numbers::load(b + v * lanes, row[v]);
#pragma GCC unroll 16
      for (int r = 0; r < rows; ++r) {
        const T x = is_down ? a[r] : a[r * step];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) Numbers::multiply_add(x, row[v], sum[r][v]);
      }
      a += is_down ? step : 1;
      b += vectors * lanes;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v)
      *reinterpret_cast<Unaligned*>(t.c + r * t.c_row + v * lanes) = sum[r][v];
  }
}

template <class T, int lanes, int rows>
constexpr void fill_tiles(TileKernels<T>& kernels) {
  if constexpr (rows > 0) {
    if constexpr (!std::is_same_v<T, Bf16Pair>) {
      kernels.across[rows - 1][0] = run_tile<T, lanes, rows, 1, false>;
      kernels.across[rows - 1][1] = run_tile<T, lanes, rows, 2, false>;
    }
    kernels.down[rows - 1][0] = run_tile<T, lanes, rows, 1, true>;
    kernels.down[rows - 1][1] = run_tile<T, lanes, rows, 2, true>;
    fill_tiles<T, lanes, rows - 1>(kernels);
  }
}

template <class T, int lanes, int rows>
constexpr TileKernels<T> make_tiles(int block_depth) {
  static_assert(rows <= max_tile_rows);
  TileKernels<T> kernels{rows, lanes, block_depth, {}, {}};
  fill_tiles<T, lanes, rows>(kernels);
  return kernels;
}

}  // namespace
}  // namespace mellow::cpu
