// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/bf16_pairs.h"
#include "mellow/kernels/cpu/bf16_tile_kernel.h"
#include "mellow/kernels/cpu/tile_kernel.h"

// The tile unit of AMX and the tiles of AVX512-BF16 in plain C++, so that the code around them (packing,
// windows, borders) runs on any machine.
namespace mellow::cpu {
namespace {

template <>
struct Arithmetic<Bf16Pair, 16> {
  struct Operand {
    float first[16], second[16];
  };
  using Sum = Vector<float, 16>::type;
  static float first(Bf16Pair x) { return from_bf16(static_cast<uint16_t>(x)); }
  static float second(Bf16Pair x) { return from_bf16(static_cast<uint16_t>(static_cast<uint32_t>(x) >> 16)); }
  static void load(const Bf16Pair* from, Operand& to) {
    for (int i = 0; i < 16; ++i) {
      to.first[i] = first(from[i]);
      to.second[i] = second(from[i]);
    }
  }
  static void multiply_add(Bf16Pair x, const Operand& row, Sum& sum) {
    for (int i = 0; i < 16; ++i) sum[i] += first(x) * row.first[i] + second(x) * row.second[i];
  }
};

}  // namespace
}  // namespace mellow::cpu

namespace mellow::testing {
namespace {

struct SoftwareUnit {
  float sums[2][2][16][16];
  float a[2][16][32], b[2][32][16];

  static void configure() {}
  static void release() {}
  void clear() {
    for (auto& row : sums)
      for (auto& tile : row)
        for (auto& line : tile)
          for (float& v : line) v = 0;
  }
  void load_a(int i, const uint16_t* from, int64_t row_bytes) {
    for (int r = 0; r < 16; ++r)
      for (int k = 0; k < 32; ++k) a[i][r][k] = cpu::from_bf16(from[r * row_bytes / 2 + k]);
  }
  void load_b(int i, const uint16_t* from) {
    for (int k = 0; k < 32; ++k)  // pairs of k lie side by side
      for (int n = 0; n < 16; ++n) b[i][k][n] = cpu::from_bf16(from[k / 2 * 32 + 2 * n + k % 2]);
  }
  void multiply(int i, int j) {
    for (int r = 0; r < 16; ++r)
      for (int k = 0; k < 32; ++k)
        for (int n = 0; n < 16; ++n) sums[i][j][r][n] += a[i][r][k] * b[j][k][n];
  }
  void store(int i, int j, float* to, int64_t row_bytes) const {
    for (int r = 0; r < 16; ++r)
      for (int n = 0; n < 16; ++n)
        to[r * row_bytes / static_cast<int64_t>(sizeof(float)) + n] = sums[i][j][r][n];
  }
};

inline constexpr cpu::Bf16Kernels software_tiles = cpu::make_bf16_kernels<SoftwareUnit>();

inline void interleave(const float* first, const float* second, int64_t n, cpu::Bf16Pair* to) {
  const auto half = [](const float* x, int64_t i) { return x ? uint32_t{cpu::to_bf16(x[i])} : 0u; };
  for (int64_t i = 0; i < n; ++i) to[i] = cpu::Bf16Pair{half(first, i) | half(second, i) << 16};
}
inline constexpr cpu::Bf16PairKernels software_pairs = {cpu::make_tiles<cpu::Bf16Pair, 16, 14>(192),
                                                        interleave};

}  // namespace
}  // namespace mellow::testing
