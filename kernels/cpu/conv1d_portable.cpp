// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/tile_kernel.h"

namespace mellow::cpu {

// Vectors of 16 bytes: every 64-bit processor has them.
const TileKernels<float>& portable_tiles(float) {
  static constexpr TileKernels<float> kernels = make_tiles<float, 4, 6>(512);
  return kernels;
}

const TileKernels<double>& portable_tiles(double) {
  static constexpr TileKernels<double> kernels = make_tiles<double, 2, 6>(512);
  return kernels;
}

}  // namespace mellow::cpu
