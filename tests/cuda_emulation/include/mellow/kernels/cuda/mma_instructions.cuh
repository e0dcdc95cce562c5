// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>

#include <cuda_runtime.h>

#include "mellow/kernels/cuda/bf16.cuh"

// Twin of kernels/cuda/mma_instructions.cuh for the host. It is found first by the emulated build.
namespace mellow::cuda {

struct Fragment {
  uint32_t at[4];
};

inline uint32_t tf32_word(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return 0x7FFFFFFFu;
  return (bits + 0x1000u) &
         0xFFFFE000u;  // 13 bits less; the sign stands apart, so half rounds away from zero
}

inline uint32_t bf16_word(float first, float second) {
  return rounded(first).bits | static_cast<uint32_t>(rounded(second).bits) << 16;
}

// Each lane gives its row as one vector, whose address the sanitizers check, and takes its words of four.
inline Fragment load_quarters(const uint32_t* row_of_lane) {
  const uint4 row = *reinterpret_cast<const uint4*>(row_of_lane);
  const emulation::LaneWords* rows = emulation::share({row.x, row.y, row.z, row.w, 0, 0}, __LINE__);
  const int lane = emulation::lane();
  Fragment f{};
  for (int quarter = 0; quarter < 4; ++quarter)
    f.at[quarter] = rows[8 * quarter + lane / 4][static_cast<size_t>(lane % 4)];
  return f;
}

namespace emulated {

// The words of row (or column) `index` and word `k` in what the lanes gave: a in the first four, b in the
// rest.
inline uint32_t a_word(const emulation::LaneWords* lanes, int row, int k) {
  return lanes[row % 8 * 4 + k % 4][static_cast<size_t>(row / 8 + k / 4 * 2)];
}
inline uint32_t b_word(const emulation::LaneWords* lanes, int column, int k) {
  return lanes[column * 4 + k % 4][static_cast<size_t>(4 + k / 4)];
}

// product(word of a, word of b) is added in the order of k.
template <class Product>
void multiply(float (&c)[4], const Fragment& a, uint32_t b0, uint32_t b1, Product product, int line) {
  const emulation::LaneWords* lanes = emulation::share({a.at[0], a.at[1], a.at[2], a.at[3], b0, b1}, line);
  const int g = emulation::lane() / 4, t = emulation::lane() % 4;
  for (int i = 0; i < 4; ++i)
    for (int k = 0; k < 8; ++k)
      c[i] += product(a_word(lanes, g + i / 2 * 8, k), b_word(lanes, 2 * t + i % 2, k));
}

}  // namespace emulated

inline void multiply_tf32(float (&c)[4], const Fragment& a, uint32_t b0, uint32_t b1) {
  const auto value = [](uint32_t word) { return std::bit_cast<float>(word & 0xFFFFE000u); };
  emulated::multiply(
      c, a, b0, b1, [&](uint32_t x, uint32_t y) { return value(x) * value(y); }, __LINE__);
}
inline void multiply_bf16(float (&c)[4], const Fragment& a, uint32_t b0, uint32_t b1) {
  const auto low = [](uint32_t word) { return std::bit_cast<float>(word << 16); };
  const auto high = [](uint32_t word) { return std::bit_cast<float>(word & 0xFFFF0000u); };
  emulated::multiply(
      c, a, b0, b1, [&](uint32_t x, uint32_t y) { return low(x) * low(y) + high(x) * high(y); }, __LINE__);
}

inline uint32_t* dynamic_shared() { return static_cast<uint32_t*>(emulation::dynamic_shared()); }

}  // namespace mellow::cuda
