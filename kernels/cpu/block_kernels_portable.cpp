// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/make_block_kernels.h"

namespace mellow::cpu {

// Vectors of 16 bytes: every 64-bit processor has them.
const BlockKernels& portable_block_kernels() {
  static constexpr BlockKernels kernels = make_block_kernels<4>();
  return kernels;
}

const BlockKernels& block_kernels_for(Isa isa) {
  const BlockKernels* found = nullptr;
  if (isa == Isa::avx2) found = avx2_block_kernels();
  if (isa >= Isa::avx512) found = avx512_block_kernels();
  return found ? *found : portable_block_kernels();
}

}  // namespace mellow::cpu
