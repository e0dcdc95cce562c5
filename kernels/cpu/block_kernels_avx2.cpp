// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/make_block_kernels.h"

namespace mellow::cpu {

const BlockKernels* avx2_block_kernels() {
#ifdef __AVX2__
  static constexpr BlockKernels kernels = make_block_kernels<8>();
  return &kernels;
#else
  return nullptr;
#endif
}

}  // namespace mellow::cpu
