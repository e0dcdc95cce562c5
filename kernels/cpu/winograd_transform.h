// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/block_kernels.h"

namespace mellow::cpu {

// Four rows of a window of three taps by six products instead of twelve: F(4, 3) of Winograd's minimal
// filtering (Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016, §4.1), y = A' [(G w)
// · (B' x)], and its transpose for the gradient of w, dw = G' [(B' x) · (A dy)].
// Made once for each set of kernels and kept for the life of the program. Thread-safe.
const BlockTransform& winograd_transform(const BlockKernels& kernels);
constexpr int64_t winograd_points = 6;

}  // namespace mellow::cpu
