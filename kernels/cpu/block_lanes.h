// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/block_transform.h"
#include "mellow/kernels/cpu/vector_type.h"

// Vectors of channels for the block transforms. Only the *_<set>.cpp units include this file. Helpers are
// inlined always, and take and give vectors by reference: sums stay in registers. In an unnamed namespace for
// the reason given in tile_kernel.h.
#define MELLOW_INLINE inline __attribute__((always_inline))

namespace mellow::cpu {
namespace {

template <int lanes>
using Lanes = typename Vector<float, lanes>::type;
template <int lanes>
using UnalignedLanes = typename Vector<float, lanes>::unaligned;

// Zero beyond `channels`, which may be negative.
template <int lanes>
MELLOW_INLINE void load(const float* x, int64_t channels, Lanes<lanes>& to) {
  if (channels >= lanes) {
    to = *reinterpret_cast<const UnalignedLanes<lanes>*>(x);
  } else {
    to = Lanes<lanes>{};
    for (int64_t c = 0; c < channels; ++c) to[c] = x[c];
  }
}

template <int lanes>
MELLOW_INLINE void load(const float* x, int64_t channels, bool rounded_to_bf16, Lanes<lanes>& to) {
  load<lanes>(x, channels, to);
  if (!rounded_to_bf16) return;
  using Bits = typename Vector<uint32_t, lanes>::type;
  const auto bits = (Bits)to;
  const Bits rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u;
  to = (bits & 0x7fffffffu) <= 0x7f800000u ? (Lanes<lanes>)rounded : to;  // NaN stays NaN
}

template <int lanes>
MELLOW_INLINE void store(const Lanes<lanes>& x, float* to) {
  *reinterpret_cast<UnalignedLanes<lanes>*>(to) = x;
}

// Channels channel … channel + lanes - 1 of step t.
template <int lanes>
MELLOW_INLINE void write(const Lanes<lanes>& x, const BlockOutput& o, int64_t t, int64_t channel) {
  float* y = o.y + t * o.row;
  const int64_t count = o.channels - channel;
  Lanes<lanes> result = x, before = {};
  if (o.add)
    load<lanes>(y + channel, count, before);
  else if (o.bias)
    load<lanes>(o.bias + channel, count, before);
  result += before;
  if (count >= lanes)
    store<lanes>(result, y + channel);
  else
    for (int64_t c = 0; c < count; ++c) y[channel + c] = result[c];
}

}  // namespace
}  // namespace mellow::cpu
