// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/bf16_product.h"
#include "mellow/kernels/cpu/blocks.h"
#include "mellow/kernels/cpu/tile_gradient.h"

namespace mellow::cpu {

template <class T>
void window_gradient(const WindowGradient<T>& gradient, const KernelOptions& options, Arena& arena) {
  if constexpr (std::is_same_v<T, float>) {
    if (const Bf16Kernels* kernels = bf16_kernels_for(options))
      return window_gradient_bf16(gradient, options, *kernels, arena);
    if (const Blocks cut = choose_blocks(gradient, options); cut.transform)
      return block_gradient(gradient, cut, options, arena);
  }
  TileGradient<T> sum(gradient, options, arena);
  if (!arena.counts()) sum.run();
}

template void window_gradient(const WindowGradient<float>&, const KernelOptions&, Arena&);
template void window_gradient(const WindowGradient<double>&, const KernelOptions&, Arena&);

}  // namespace mellow::cpu
