// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/tile_kernel.h"

namespace mellow::cpu {

// 14 × 32: 28 sums, 2 vectors of B and one broadcast fill the 32 registers but one.
const TileKernels<float>* avx512_tiles() {
#ifdef __AVX512F__
  static constexpr TileKernels<float> kernels = make_tiles<float, 16, 14>(192);
  return &kernels;
#else
  return nullptr;
#endif
}

}  // namespace mellow::cpu
