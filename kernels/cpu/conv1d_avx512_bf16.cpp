// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/bf16_tile.h"

#ifdef __AVX512BF16__

#include <cstring>
#include <utility>

#include <immintrin.h>

#include "mellow/kernels/cpu/bf16_pairs.h"
#include "mellow/kernels/cpu/bf16_tile_kernel.h"
#include "mellow/kernels/cpu/tile_kernel.h"

namespace mellow::cpu {
namespace {

// 11 × 32: 22 sums and 2 vectors of B, and a third of the 32 rows that the tiles of AMX have.
constexpr int most_rows = 11;

__mmask16 first_lanes(int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xffff : (1 << count) - 1);
}

// Two neighbouring elements in every pair of lanes.
__m512bh broadcast_pair(const uint16_t* a) {
  int pair;
  std::memcpy(&pair, a, sizeof pair);
  return (__m512bh)_mm512_set1_epi32(pair);
}

template <int rows, int column_tiles>
void multiply_rows(const Bf16Tile& t, int first) {
  __m512 sum[rows][column_tiles];
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < column_tiles; ++v) sum[r][v] = _mm512_setzero_ps();
  const int64_t step = t.a_step;
  const float* next_c = t.c + (first + rows) * t.c_row;
  int fetched = 0;  // rows of it, as in run_tile()
  for (int term = 0; term < t.terms; ++term) {
    for (int64_t s = 0; s < t.segments; ++s) {
      const uint16_t* a = t.a[term] + s * t.a_segment + first * step;
      const uint16_t* b = t.b[term] + s * t.b_segment;
      for (int64_t chunk = 0; chunk < t.chunks; ++chunk) {
        for (int pair = 0; pair < bf16_depth / 2; ++pair) {
          if (fetched < rows) {
#pragma GCC unroll 2
            for (int v = 0; v < column_tiles; ++v)
              __builtin_prefetch(next_c + fetched * t.c_row + v * bf16_columns, 1);
            ++fetched;
          }
          __m512bh row[column_tiles];
#pragma GCC unroll 2
          for (int v = 0; v < column_tiles; ++v) row[v] = (__m512bh)_mm512_loadu_si512(b + v * bf16_b_tile);
#pragma GCC unroll 16
          for (int r = 0; r < rows; ++r) {
            const __m512bh x = broadcast_pair(a + r * step);
#pragma GCC unroll 2
            for (int v = 0; v < column_tiles; ++v) sum[r][v] = _mm512_dpbf16_ps(sum[r][v], row[v], x);
          }
          a += 2;
          b += 2 * bf16_columns;
        }
        b += bf16_b_tile * (column_tiles - 1);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < column_tiles; ++v) {
      const __mmask16 mask = first_lanes(t.columns - v * bf16_columns);
      const __m512 init = _mm512_maskz_loadu_ps(mask, t.init + (first + r) * t.init_row + v * bf16_columns);
      _mm512_mask_storeu_ps(t.c + (first + r) * t.c_row + v * bf16_columns, mask,
                            _mm512_add_ps(init, sum[r][v]));
    }
  }
}

using MultiplyRows = void (*)(const Bf16Tile&, int first);
template <int column_tiles, int... row>
MultiplyRows choose(int rows, std::integer_sequence<int, row...>) {
  static constexpr MultiplyRows all[] = {multiply_rows<row + 1, column_tiles>...};
  return all[rows - 1];
}

// Blocks of rows as even as they can be.
template <int column_tiles>
void multiply(const Bf16Tile& t) {
  const int blocks = (t.rows + most_rows - 1) / most_rows;
  for (int i = 0; i < blocks; ++i) {
    const int first = t.rows * i / blocks, end = t.rows * (i + 1) / blocks;
    choose<column_tiles>(end - first, std::make_integer_sequence<int, most_rows>())(t, first);
  }
}

template <>
struct Arithmetic<Bf16Pair, 16> {
  using Operand = __m512bh;
  using Sum = __m512;
  static void load(const Bf16Pair* from, Operand& to) { to = (__m512bh)_mm512_loadu_si512(from); }
  static void multiply_add(Bf16Pair x, const Operand& row, Sum& sum) {
    sum = _mm512_dpbf16_ps(sum, row, (__m512bh)_mm512_set1_epi32(static_cast<int>(x)));
  }
};

// Floats as bf16 in the low halves; zeros for null and beyond the mask. The instructions with a mask spare
// GCC 12 a false warning.
__m512i low_halves(const float* x, __mmask16 mask) {
  if (!x) return _mm512_setzero_si512();
  return _mm512_maskz_cvtepu16_epi32(0xffff, (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, x)));
}

void interleave(const float* first, const float* second, int64_t n, Bf16Pair* to) {
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 mask = first_lanes(n - i);
    const __m512i low = low_halves(first ? first + i : nullptr, mask),
                  high = low_halves(second ? second + i : nullptr, mask);
    _mm512_mask_storeu_epi32(to + i, mask, _mm512_or_si512(low, _mm512_maskz_slli_epi32(0xffff, high, 16)));
  }
}

}  // namespace

const Bf16PairKernels* avx512_bf16_pairs() {
  static constexpr Bf16PairKernels kernels = {make_tiles<Bf16Pair, 16, 14>(192), interleave};
  return &kernels;
}

const Bf16Kernels* avx512_bf16_kernels() {
  static constexpr Bf16Kernels kernels = {
      [] {},        [] {},          {{multiply<1>, multiply<2>}, {multiply<1>, multiply<2>}},
      convert_bf16, transpose_bf16, pack_bf16};
  return &kernels;
}

}  // namespace mellow::cpu

#else

#include "mellow/kernels/cpu/bf16_pairs.h"

const mellow::cpu::Bf16Kernels* mellow::cpu::avx512_bf16_kernels() { return nullptr; }
const mellow::cpu::Bf16PairKernels* mellow::cpu::avx512_bf16_pairs() { return nullptr; }

#endif
