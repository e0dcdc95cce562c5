// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/block_transform.h"
#include "mellow/kernels/cpu/clones.h"

// Vectors of channels for the block transforms. For functions under MELLOW_CLONES: helpers take and give
// vectors by reference, because by value they would have another calling convention in each of the clones. In
// an unnamed namespace for the reason given in tile_kernel.h.
#define MELLOW_INLINE inline __attribute__((always_inline))

namespace mellow::cpu {
namespace {

using Lanes __attribute__((vector_size(64))) = float;
using UnalignedLanes __attribute__((vector_size(64), aligned(4), may_alias)) = float;
static_assert(sizeof(Lanes) == block_lanes * sizeof(float));

// Zero beyond `channels`, which may be negative.
MELLOW_INLINE void load(const float* x, int64_t channels, Lanes& to) {
  if (channels >= block_lanes) {
    to = *reinterpret_cast<const UnalignedLanes*>(x);
  } else {
    to = Lanes{};
    for (int64_t c = 0; c < channels; ++c) to[c] = x[c];
  }
}

MELLOW_INLINE void load(const float* x, int64_t channels, bool rounded_to_bf16, Lanes& to) {
  load(x, channels, to);
  if (!rounded_to_bf16) return;
  using Bits __attribute__((vector_size(64))) = uint32_t;
  const auto bits = (Bits)to;
  const Bits rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u;
  to = (bits & 0x7fffffffu) <= 0x7f800000u ? (Lanes)rounded : to;  // NaN stays NaN
}

// Panels narrower than the lanes take them in pieces.
MELLOW_INLINE void store(const Lanes& x, const BlockLayout& layout, float* to) {
  if (layout.width >= block_lanes) {
    *reinterpret_cast<UnalignedLanes*>(to) = x;
  } else {
    for (int64_t c = 0; c < block_lanes; ++c) to[c / layout.width * layout.panel() + c % layout.width] = x[c];
  }
}

// Channels channel … channel + 15 of step t.
MELLOW_INLINE void write(const Lanes& x, const BlockOutput& o, int64_t t, int64_t channel) {
  float* y = o.y + t * o.row;
  const int64_t count = o.channels - channel;
  Lanes result = x, before = {};
  if (o.add)
    load(y + channel, count, before);
  else if (o.bias)
    load(o.bias + channel, count, before);
  result += before;
  if (count >= block_lanes)
    *reinterpret_cast<UnalignedLanes*>(y + channel) = result;
  else
    for (int64_t c = 0; c < count; ++c) y[channel + c] = result[c];
}

}  // namespace
}  // namespace mellow::cpu
