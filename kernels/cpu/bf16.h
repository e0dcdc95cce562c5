// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace mellow::cpu {

// static: units built for wider instruction sets keep their own copies (see tile_kernel.h).

// The upper half of a float, rounded to nearest even. NaN stays NaN.
static inline uint16_t to_bf16(float x) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, x);
  const uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1u);
  return static_cast<uint16_t>((x != x ? bits | 0x400000u : rounded) >> 16);
}

static inline float from_bf16(uint16_t h) {
  return __builtin_bit_cast(float, static_cast<uint32_t>(h) << 16);
}

// bf16x3 writes a float as high + low, both bf16, and multiplies high·high + high·low + low·high: the product
// that is left out is 2^-16 of the result.
enum class Part { whole, high, low };

static inline float part_of(float x, Part part) {
  if (part == Part::whole) return x;
  const float high = from_bf16(to_bf16(x));
  return part == Part::high ? high : from_bf16(to_bf16(x - high));
}
static inline double part_of(double x, Part) { return x; }

}  // namespace mellow::cpu
