// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <compare>
#include <cstdint>
#include <span>

#include "mellow/engine/core/tensor.h"

namespace mellow::cuda {

// forward writes y, backward_data x (its gradient), backward_filter w (its gradient); each reads the other
// two.
enum class ConvPass { forward, backward_data, backward_filter };

// The numbers of one convolution; `length` is the input's, `width` the kernel's.
struct ConvSizes {
  int64_t batch, length, in_channels, out_length, out_channels, width;
  int64_t stride, dilation, groups, pad_left, pad_right;
  auto operator<=>(const ConvSizes&) const = default;
  constexpr int64_t group_inputs() const { return in_channels / groups; }
};

// Passes are chosen and planned for by kinds, in which batch and length count by their order of magnitude:
// crops of random lengths, a last batch that is smaller. n >= 0.
inline int64_t up_to_power_of_two(int64_t n) {
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(n)));
}

// x [batch, length, in_channels], y [batch, out_length, out_channels] or the kernel w [out_channels, width,
// in_channels / groups], where it lies: `items` of `steps` of dense channels. Strides in elements.
struct Plane {
  float* data;
  int64_t items, steps, channels, item_stride, step_stride;
  int64_t count() const { return items * steps * channels; }
};

// One pass of one convolution. `add`: the result is added to what is there.
struct ConvWork {
  ConvPass pass;
  ConvSizes sizes;
  Plane x, w, y;
  bool add = false;
};

// One pass of several convolutions of the same series, at most most_branches, which differ in their kernels
// alone. Forward and backward_filter write each to its own place; backward_data sums all up in the x of the
// first, whose `add` tells whether to what is there.
using ConvWorks = std::span<const ConvWork>;
constexpr int most_branches = 4;

// Own kernels, for every shape: where cuDNN has nothing, and for single-channel inputs. Float32 sums in a
// fixed order. w is packed.
void conv1d_direct(Cuda& cuda, const ConvWork& work);

// Steps of zeros around those of every item of a copy.
struct Margins {
  int64_t before = 0, behind = 0;
};
// Copies between a plane and a packed array [items, before + steps + behind, channels] of float32 or bfloat16
// (rounded to nearest even). The way back leaves the margins out.
template <class T>
void pack(Cuda& cuda, const Plane& from, const Margins& margins, T* to);
template <class T>
void unpack(Cuda& cuda, const T* from, const Margins& margins, const Plane& to, bool add);
// The kernel of backward data as a forward pass: a packed [in_channels, width, out_channels] whose taps count
// from the other end.
void flip(Cuda& cuda, const Plane& w, float* to);

}  // namespace mellow::cuda
