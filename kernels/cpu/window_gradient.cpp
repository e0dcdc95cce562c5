// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/bf16_product.h"
#include "mellow/kernels/cpu/blocks.h"
#include "mellow/kernels/cpu/tile_gradient.h"

namespace mellow::cpu {
namespace {

template <class T, class Operands>
void sum_directly(const WindowGradient<T>& gradient, const KernelOptions& options, const Operands& operands,
                  Arena& arena) {
  TileGradient<T, Operands> sum(gradient, options, operands, arena);
  if (!arena.counts()) sum.run();
}

}  // namespace

template <class T>
void window_gradient(const WindowGradient<T>& gradient, const KernelOptions& options, Arena& arena) {
  if constexpr (std::is_same_v<T, float>) {
    const DirectWay direct = direct_way(gradient, options);
    if (const Blocks cut = choose_blocks(gradient, options, direct.cost); cut.transform)
      return block_gradient(gradient, cut, options, arena);
    if (direct.unit) return window_gradient_bf16(gradient, options, *direct.unit, arena);
    if (direct.pairs)
      return sum_directly(gradient, options, PairOperands{direct.pairs->tiles, direct.pairs->interleave},
                          arena);
  }
  sum_directly(gradient, options,
               StepOperands<T>{tiles_for(options, T()), options.precision == Precision::bf16}, arena);
}

template void window_gradient(const WindowGradient<float>&, const KernelOptions&, Arena&);
template void window_gradient(const WindowGradient<double>&, const KernelOptions&, Arena&);

}  // namespace mellow::cpu
