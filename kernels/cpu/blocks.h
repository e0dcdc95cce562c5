// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/block_transform.h"
#include "mellow/kernels/cpu/window_product.h"

namespace mellow::cpu {

// How a window of step 1 is cut into blocks for a transform. The steps of each phase t % dilation of a sample
// are a series of their own, on which taps are neighbours; each is cut into blocks of `rows` output rows, by
// overlap-save: a block reads rows + taps - 1 steps, which must fit the transform, or, where the zeros around
// the series are enough to catch what wraps around, fewer.
struct Blocks {
  const BlockTransform* transform = nullptr;  // null: direct products are faster
  int64_t rows = 0;                           // output rows of a block
  int64_t count = 0;                          // of each phase
};

// `direct_cost` is the time of a direct product's multiply-add beside one of the fp32 tiles.
template <class W>
Blocks choose_blocks(const W& window, const KernelOptions& options, double direct_cost = 1);

// One block of one phase of one sample.
struct BlockItem {
  int64_t sample, first_row;  // output row of the block's first step; the next is `dilation` rows on
  int64_t rows;               // how many there are
};

template <class W>
int64_t item_count(const W& w, const Blocks& cut) {
  return w.batch * w.dilation * cut.count;
}

template <class W>
BlockItem block_item(const W& w, const Blocks& cut, int64_t i) {
  const int64_t block = i % cut.count, phase = i / cut.count % w.dilation;
  const int64_t rows_of_phase = phase < w.rows ? ceil_div(w.rows - phase, w.dilation) : 0;
  const int64_t begin = std::min(block * cut.rows, rows_of_phase);
  return {i / cut.count / w.dilation, phase + begin * w.dilation, std::min(cut.rows, rows_of_phase - begin)};
}

// What an item reads of x, all channels of it.
template <class W>
BlockInput block_input(const W& w, const Blocks& cut, const BlockItem& item, bool rounded) {
  const int64_t from = item.first_row + w.first;  // the input row of step 0
  const int64_t reached = std::min(cut.transform->size, item.rows + w.taps - 1);
  const int64_t begin = std::clamp<int64_t>(-floor_div(from, w.dilation), 0, reached);
  const int64_t end = std::clamp<int64_t>(floor_div(w.length - 1 - from, w.dilation) + 1, begin, reached);
  return {w.x + item.sample * w.x_batch + (from + begin * w.dilation) * w.x_row,
          w.dilation * w.x_row,
          begin,
          end,
          w.depth,
          rounded};
}

// 32 channels of an input or output from `channel` on.
inline BlockInput channels_of(BlockInput input, int64_t channel) {
  input.x += channel;
  input.channels = std::min(block_channels, input.channels - channel);
  return input;
}
inline BlockOutput channels_of(BlockOutput output, int64_t channel) {
  output.y += channel;
  output.channels = std::min(block_channels, output.channels - channel);
  if (output.bias) output.bias += channel;
  return output;
}

// Calls f(items) for nearly equal groups of a range, each of `most` items or fewer.
template <class F>
void for_groups(Range items, int64_t most, F&& f) {
  const int64_t groups = ceil_div(items.size(), most);
  for (int64_t i = 0; i < groups; ++i) {
    const Range group = part_of_range(items.size(), i, groups);
    f(Range{items.begin + group.begin, items.begin + group.end});
  }
}

// What an item reads, transformed as a left operand into `slot`.
template <class W>
void transform_input(const W& w, const Blocks& cut, const BlockItem& item, const BlockLayout& layout,
                     int64_t slot, bool rounded, float* to, float* scratch) {
  const BlockInput input = block_input(w, cut, item, rounded);
  for (int64_t d = 0; d < w.depth; d += block_channels)
    cut.transform->left(channels_of(input, d), {layout, to, slot, d}, scratch);
}

// Items that products work on at a time: enough rows for register tiles and to read the transformed weights
// for, few enough for the second-level cache.
constexpr int64_t fourier_items = 14, winograd_items = 56;

// As window_product() and window_gradient(), which call these for float when choose_blocks() says so.
void block_product(const Window<float>& window, const Blocks& cut, const KernelOptions& options,
                   Arena& arena);
void block_gradient(const WindowGradient<float>& gradient, const Blocks& cut, const KernelOptions& options,
                    Arena& arena);

}  // namespace mellow::cpu
