// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/bf16_tile.h"
#include "mellow/kernels/cpu/window_product.h"

namespace mellow::cpu {

// The unit the options ask for; null when the product is to run on fp32 tiles.
inline const Bf16Kernels* bf16_kernels_for(const KernelOptions& options) {
  if (options.precision == Precision::fp32) return nullptr;
  if (options.bf16_kernels) return options.bf16_kernels;
  if (options.isa == Isa::avx512_bf16) return avx512_bf16_kernels();
  return options.isa == Isa::amx ? amx_kernels() : nullptr;
}

// window_product() and window_gradient() in bf16 or bf16x3 on a tile unit.
void window_product_bf16(const Window<float>& window, const KernelOptions& options,
                         const Bf16Kernels& kernels, Arena& arena);
void window_gradient_bf16(const WindowGradient<float>& gradient, const KernelOptions& options,
                          const Bf16Kernels& kernels, Arena& arena);

}  // namespace mellow::cpu
