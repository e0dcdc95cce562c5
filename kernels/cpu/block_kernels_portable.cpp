// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/make_block_kernels.h"

namespace mellow::cpu {

// Vectors of 16 bytes: every 64-bit processor has them.
const BlockKernels& portable_block_kernels() {
  static constexpr BlockKernels kernels = make_block_kernels<4>();
  return kernels;
}

}  // namespace mellow::cpu
