// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/bf16_product.h"

// Costs were fitted to measurements on AVX512-BF16 (docs/performance.md); those of AMX are the rates that
// trials on a Sapphire Rapids gave beside fp32 tiles at 10 to 40 taps of 32 channels.
namespace mellow::cpu {
namespace {

bool is_amx(const KernelOptions& options) { return options.bf16_kernels || options.isa == Isa::amx; }

const Bf16Kernels* amx_unit(const KernelOptions& options) {
  return options.bf16_kernels ? options.bf16_kernels : amx_kernels();
}

// What is left of `size` when it is filled up to whole multiples of `whole`.
double share(int64_t size, int64_t whole) {
  return size == 0 ? 1 : static_cast<double>(size) / static_cast<double>(round_up(size, whole));
}

void offer(DirectWay& best, const DirectWay& other) {
  if ((other.unit || other.pairs) && other.cost < best.cost) best = other;
}

}  // namespace

DirectWay direct_way(const Window<float>& w, const KernelOptions& options) {
  DirectWay way;
  if (options.precision == Precision::fp32) return way;
  const bool joined = w.dilation == 1 || w.taps == 1;
  const double used = share(joined ? w.taps * w.depth : w.depth, bf16_depth);
  if (is_amx(options))
    offer(way, {amx_unit(options), nullptr, (options.precision == Precision::bf16 ? 0.15 : 0.35) / used});
  else if (options.isa == Isa::avx512_bf16 && options.precision == Precision::bf16)
    offer(way, {avx512_bf16_kernels(), nullptr, 0.55 / used});
  return way;
}

DirectWay direct_way(const WindowGradient<float>& g, const KernelOptions& options) {
  DirectWay way;
  if (options.precision == Precision::fp32) return way;
  if (is_amx(options))
    offer(way, {amx_unit(options), nullptr,
                (options.precision == Precision::bf16 ? 0.3 : 0.6) / share(g.rows, bf16_depth)});
  const Bf16PairKernels* pairs = options.bf16_pairs;
  if (!pairs && has_isa(Isa::avx512_bf16) && options.isa >= Isa::avx512_bf16) pairs = avx512_bf16_pairs();
  if (options.precision == Precision::bf16) offer(way, {nullptr, pairs, 0.55 / share(g.rows, 2)});
  return way;
}

}  // namespace mellow::cpu
