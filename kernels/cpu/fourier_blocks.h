// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/fourier_transform.h"
#include "mellow/kernels/cpu/window_product.h"

namespace mellow::cpu {

// How a window of step 1 is cut for Fourier transforms. The steps of each phase t % dilation of a sample are
// a series of their own, on which taps are neighbours; each is cut into blocks of `rows` output rows, by
// overlap-save: a block reads rows + taps - 1 steps, which must fit the transform, or, where the zeros around
// the series are enough to catch what wraps around, fewer.
struct FourierBlocks {
  int64_t size = 0;    // points of the transform; 0: direct products are faster
  int64_t rows = 0;    // output rows of a block
  int64_t blocks = 0;  // of each phase
};

template <class W>
FourierBlocks fourier_blocks(const W& window, const KernelOptions& options);

// One block of one phase of one sample.
struct FourierItem {
  int64_t sample, first_row;  // output row of the block's first step; the next is `dilation` rows on
  int64_t rows;               // how many there are
};

template <class W>
int64_t fourier_items(const W& w, const FourierBlocks& cut) {
  return w.batch * w.dilation * cut.blocks;
}

template <class W>
FourierItem fourier_item(const W& w, const FourierBlocks& cut, int64_t i) {
  const int64_t block = i % cut.blocks, phase = i / cut.blocks % w.dilation;
  const int64_t rows_of_phase = phase < w.rows ? ceil_div(w.rows - phase, w.dilation) : 0;
  const int64_t begin = std::min(block * cut.rows, rows_of_phase);
  return {i / cut.blocks / w.dilation, phase + begin * w.dilation, std::min(cut.rows, rows_of_phase - begin)};
}

// What an item reads of x, from channel `channel` on.
template <class W>
FourierInput fourier_input(const W& w, const FourierBlocks& cut, const FourierItem& item, int64_t channel) {
  const int64_t from = item.first_row + w.first;  // the input row of step 0
  const int64_t reached = std::min(cut.size, item.rows + w.taps - 1);
  const int64_t begin = std::clamp<int64_t>(-floor_div(from, w.dilation), 0, reached);
  const int64_t end = std::clamp<int64_t>(floor_div(w.length - 1 - from, w.dilation) + 1, begin, reached);
  return {w.x + item.sample * w.x_batch + (from + begin * w.dilation) * w.x_row + channel,
          w.dilation * w.x_row, begin, end, std::min(fourier_channels, w.depth - channel)};
}

// As window_product() and window_gradient(), which call these for float when fourier_blocks() says so.
void fourier_product(const Window<float>& window, const FourierBlocks& cut, const KernelOptions& options,
                     Arena& arena);
void fourier_gradient(const WindowGradient<float>& gradient, const FourierBlocks& cut,
                      const KernelOptions& options, Arena& arena);

}  // namespace mellow::cpu
