// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/block_transform.h"
#include "mellow/kernels/cpu/cpu_features.h"

namespace mellow::cpu {

// A discrete Fourier transform of `size` points by stages of radix 2 … 5, in place, so that a block stays in
// the first-level cache (Van Loan, Computational Frameworks for the Fast Fourier Transform, 1992, §1.9). A
// stage of radix r turns each part of length n, for p < n / r and j < r, w_n = e^(-2 π i / n), into
//   a[p + j n / r] := w_n^(p j) · sum over k of w_r^(j k) a[p + k n / r]           towards the spectrum,
//   a[p + k n / r] := sum over j of w_r^(j k) w_n^(p j) a[p + j n / r]             towards the series.
// Towards the spectrum, stages go from the whole down, which leaves bin k at place[k]; towards the series
// they go back up, from elements at these places to their order.
struct FourierStage {
  int radix;
  int64_t length;
  const float* twiddles;  // w_n^(p j) [p][j = 1 …][re, im]
};
struct FourierTables {
  int64_t size, bins, stage_count;
  const FourierStage* stages;
  const int64_t* place;
};

// The block transforms for one instruction set: what fourier_transform.h and winograd_transform.h describe.
struct BlockKernels {
  int lanes;  // channels in one vector; panels of a layout are no narrower
  // Twice the spectrum. Scratch: 2 · lanes · size floats, as for the way back.
  void (*spectrum)(const FourierTables&, const BlockInput&, bool is_left, const BlockPlace&, float* scratch);
  // Steps of the series whose spectrum is a quarter of the product of two such spectra.
  void (*series)(const FourierTables&, const BlockProduct&, const BlockOutput&, float* scratch);
  void (*input_points)(const BlockInput& x, const BlockPlace&);
  void (*weight_points)(const BlockInput& w, const BlockPlace&);
  void (*gradient_points)(const BlockInput& dy, const BlockPlace&);
  void (*row_steps)(const BlockProduct&, const BlockOutput& y);
  void (*tap_steps)(const BlockProduct&, const BlockOutput& dw);
};

// Null where the build has no such unit for the processor family (the run-time check is in cpu_features.h).
const BlockKernels* avx2_block_kernels();
const BlockKernels* avx512_block_kernels();
const BlockKernels& portable_block_kernels();

inline const BlockKernels& block_kernels_for(Isa isa) {
  return unit_for(isa, avx2_block_kernels(), avx512_block_kernels(), portable_block_kernels());
}

}  // namespace mellow::cpu
