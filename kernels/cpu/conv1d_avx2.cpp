// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/tile_kernel.h"

namespace mellow::cpu {

// 6 × 16: twelve sums hide the latency of two multiply-adds per cycle, 2 + 1 registers feed them.
const TileKernels<float>* avx2_tiles() {
#ifdef __AVX2__
  static constexpr TileKernels<float> kernels = make_tiles<float, 8, 6>(256);
  return &kernels;
#else
  return nullptr;
#endif
}

}  // namespace mellow::cpu
