// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/window_product.h"

#include <type_traits>

#include "mellow/kernels/cpu/bf16_product.h"
#include "mellow/kernels/cpu/blocks.h"
#include "mellow/kernels/cpu/direct_product.h"

namespace mellow::cpu {

const TileKernels<float>& tiles_for(const KernelOptions& options, float) {
  if (options.float_tiles) return *options.float_tiles;
  return unit_for(options.isa, avx2_tiles(), avx512_tiles(), portable_tiles(0.0f));
}

const TileKernels<double>& tiles_for(const KernelOptions&, double) { return portable_tiles(0.0); }

template <class T>
void window_product(const Window<T>& window, const KernelOptions& options, Arena& arena) {
  if constexpr (std::is_same_v<T, float>) {
    const DirectWay direct = direct_way(window, options);
    if (const Blocks cut = choose_blocks(window, options, direct.cost); cut.transform)
      return block_product(window, cut, options, arena);
    if (direct.unit) return window_product_bf16(window, options, *direct.unit, arena);
  }
  DirectProduct<T> product(window, options, arena);
  if (!arena.counts()) product.run();
}

template void window_product(const Window<float>&, const KernelOptions&, Arena&);
template void window_product(const Window<double>&, const KernelOptions&, Arena&);

}  // namespace mellow::cpu
