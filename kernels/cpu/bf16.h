// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>

namespace mellow::cpu {

// The upper half of a float, rounded to nearest even. NaN stays NaN.
inline uint16_t to_bf16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  if (x != x) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

inline float from_bf16(uint16_t h) { return std::bit_cast<float>(static_cast<uint32_t>(h) << 16); }

// bf16x3 writes a float as high + low, both bf16, and multiplies high·high + high·low + low·high: the product that is
// left out is 2^-16 of the result.
enum class Part { whole, high, low };

inline float part_of(float x, Part part) {
  if (part == Part::whole) return x;
  const float high = from_bf16(to_bf16(x));
  return part == Part::high ? high : from_bf16(to_bf16(x - high));
}
inline double part_of(double x, Part) { return x; }

}  // namespace mellow::cpu
