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
          points_of<lanes, input_matrix, 6, 6>,
          points_of<lanes, weight_matrix, 6, 3>,
          points_of<lanes, gradient_matrix, 6, 4>,
          steps_of<lanes, row_matrix, 4, 6>,
          steps_of<lanes, tap_matrix, 3, 6>};
}

}  // namespace
}  // namespace mellow::cpu
