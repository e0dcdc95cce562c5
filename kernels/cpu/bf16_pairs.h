// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/tile.h"

namespace mellow::cpu {

// Register tiles on pairs of bf16 values, and the way to make such pairs.
struct Bf16PairKernels {
  TileKernels<Bf16Pair> tiles;
  // to[i] = (first[i], second[i]), each rounded to the nearest bf16, i < n; null stands for zeros.
  void (*interleave)(const float* first, const float* second, int64_t n, Bf16Pair* to);
};

// Null where the build has no such instructions.
const Bf16PairKernels* avx512_bf16_pairs();

}  // namespace mellow::cpu
