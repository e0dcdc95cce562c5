// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/make_block_kernels.h"

namespace mellow::cpu {

const BlockKernels* avx512_block_kernels() {
#ifdef __AVX512F__
  static constexpr BlockKernels kernels = make_block_kernels<16>();
  return &kernels;
#else
  return nullptr;
#endif
}

}  // namespace mellow::cpu
