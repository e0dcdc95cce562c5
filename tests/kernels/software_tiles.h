// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/bf16_tile_kernel.h"

// The tile unit of AMX in plain C++, so that the code around it (packing, windows, borders) runs on any
// machine.
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

}  // namespace
}  // namespace mellow::testing
