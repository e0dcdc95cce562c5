// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/block_kernels.h"
#include "mellow/kernels/cpu/fourier_kernel.h"
#include "mellow/kernels/cpu/winograd_kernel.h"

// The block transforms in vectors of `lanes` channels, compiled once per instruction set. Only the
// *_<set>.cpp units include this file. In an unnamed namespace for the reason given in tile_kernel.h.
namespace mellow::cpu {
namespace {

template <int lanes>
constexpr BlockKernels make_block_kernels() {
  return {lanes,
          spectrum_of<lanes>,
          series_of<lanes>,
          points_of<lanes, input_matrix>,
          points_of<lanes, weight_matrix>,
          points_of<lanes, gradient_matrix>,
          steps_of<lanes, row_matrix>,
          steps_of<lanes, tap_matrix>};
}

}  // namespace
}  // namespace mellow::cpu
