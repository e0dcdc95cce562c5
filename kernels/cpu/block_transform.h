// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace mellow::cpu {

constexpr int64_t block_channels = 32;  // transformed by one call

// Steps [begin, end) of a block, `row` elements apart, from `x` on; its other steps are zero.
struct BlockInput {
  const float* x;
  int64_t row, begin, end;
  int64_t channels;  // 1 … 32
  bool rounded;      // values are rounded to bf16 first
};

// Functions here are always inlined: units for wider instruction sets (block_kernels.h) must leave the linker
// no copy of them.

// Where transforms lie: [point][panel][part][slot][panel width], so that the parts of one point are matrices
// [slot, channel] in panels as the register tiles take them.
struct BlockLayout {
  int64_t parts, slots, width, panels;
  [[gnu::always_inline]] int64_t part() const { return slots * width; }
  [[gnu::always_inline]] int64_t panel() const { return parts * part(); }
  [[gnu::always_inline]] int64_t point() const { return panels * panel(); }
};

// A place in a layout: `slot`, from channel `channel` (a multiple of 32) on.
struct BlockPlace {
  const BlockLayout& layout;
  float* base;
  int64_t slot, channel;
  [[gnu::always_inline]] float* at(int64_t c) const {
    return base + c / layout.width * layout.panel() + slot * layout.width + c % layout.width;
  }
};

// A product of transforms, 32 channels of it: real part of point k at re + k * point, imaginary part, where
// the transform has one, at im + k * point.
struct BlockProduct {
  const float *re, *im;
  int64_t point;
};

// Its steps 0 … steps - 1, `row` elements apart: y := bias + steps, or y += steps.
struct BlockOutput {
  float* y;
  int64_t row, steps;
  int64_t channels;   // 1 … 32
  const float* bias;  // null: none
  bool add;           // then bias is not added
};

// A way to turn the sliding products of a block of `size` steps, y[t] = sum over j of x[t + j] w[j], into
// products point by point, and the same for dw[j] = sum over t of x[t + j] dy[t].
class BlockTransform {
 public:
  // A point has one part, or three for a complex product by three real ones: left A and right B give A0 B0 +
  // A1 B1 as its real and A0 B0 + A2 B2 as its imaginary part.
  BlockTransform(int64_t steps, int64_t count, int64_t parts_of_point, int64_t scratch)
      : size(steps), points(count), parts(parts_of_point), scratch_floats(scratch) {}
  virtual ~BlockTransform() = default;

  virtual void left(const BlockInput& x, const BlockPlace& to, float* scratch) const = 0;
  virtual void right_of_weights(const BlockInput& w, const BlockPlace& to, float* scratch) const = 0;
  virtual void right_of_gradient(const BlockInput& dy, const BlockPlace& to, float* scratch) const = 0;
  // What comes of the products with the transformed weights, and with the transformed gradient.
  virtual void rows(const BlockProduct& product, const BlockOutput& y, float* scratch) const = 0;
  virtual void taps(const BlockProduct& product, const BlockOutput& dw, float* scratch) const = 0;

  const int64_t size, points, parts, scratch_floats;
};

}  // namespace mellow::cpu
