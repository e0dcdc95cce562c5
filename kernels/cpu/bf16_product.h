// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/bf16_pairs.h"
#include "mellow/kernels/cpu/bf16_tile.h"
#include "mellow/kernels/cpu/window_product.h"

namespace mellow::cpu {

// bf16x3 writes a float as high + low, both bf16, and multiplies high·high + high·low + low·high: the product
// that is left out is 2^-16 of the result. These are the parts of the operands whose products make one
// product of the given precision.
enum class Part { high, low };
struct Term {
  Part a, b;
};
struct Terms {
  Term term[3];
  int count;
};
constexpr Terms terms_of(Precision precision) {
  return {{{Part::high, Part::high}, {Part::high, Part::low}, {Part::low, Part::high}},
          precision == Precision::bf16x3 ? 3 : 1};
}

// How a window's products are computed without transforms: on a bf16 unit, on tiles of bf16 pairs, or, where
// both are null, on fp32 tiles. `cost` is the time of a multiply-add beside one of those.
struct DirectWay {
  const Bf16Kernels* unit = nullptr;
  const Bf16PairKernels* pairs = nullptr;
  double cost = 1;
};
DirectWay direct_way(const Window<float>& window, const KernelOptions& options);
DirectWay direct_way(const WindowGradient<float>& gradient, const KernelOptions& options);

// window_product() and window_gradient() in bf16 or bf16x3 on a tile unit.
void window_product_bf16(const Window<float>& window, const KernelOptions& options,
                         const Bf16Kernels& kernels, Arena& arena);
void window_gradient_bf16(const WindowGradient<float>& gradient, const KernelOptions& options,
                          const Bf16Kernels& kernels, Arena& arena);

}  // namespace mellow::cpu
