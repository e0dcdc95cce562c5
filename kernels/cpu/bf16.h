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

static inline float rounded_to_bf16(float x) { return from_bf16(to_bf16(x)); }
static inline double rounded_to_bf16(double x) { return x; }  // so that code for both types compiles

}  // namespace mellow::cpu
