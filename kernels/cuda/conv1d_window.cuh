// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace mellow::cuda {

// Shared memory that a block may use without asking: enough for every shape, and several blocks run beside
// each other.
constexpr int64_t window_budget = 48 * 1024;
constexpr int chunk = 32;  // channels staged at a time

// The rows of a series that `steps` outputs see under `taps` taps, kept by residue modulo the stride: residue
// r holds rows r, r + stride, …, so that every tap sees `steps` neighbours whatever the stride.
struct Window {
  int residues, rows_each;
  int tap_residues, tap_rows;  // from tap to tap: the dilation by the stride, remainder and quotient
  __host__ __device__ int rows() const { return residues * rows_each; }
};

// Where the neighbours that a tap sees begin.
struct TapRow {
  int residue = 0, below = 0;  // of the first tap

  __device__ static TapRow of(const Window& window, int tap) {
    const int residues = tap * window.tap_residues;
    return {residues % window.residues, tap * window.tap_rows + residues / window.residues};
  }
  __device__ int row(const Window& window) const { return residue * window.rows_each + below; }
  __device__ void next(const Window& window) {
    residue += window.tap_residues;
    below += window.tap_rows;
    if (residue < window.residues) return;
    residue -= window.residues;
    ++below;
  }
};

// The number of rows, without limit.
inline int64_t window_rows(int64_t steps, int64_t taps, int64_t stride, int64_t dilation) {
  return (taps == 1 ? 1 : stride) * (steps + (taps - 1) * dilation / stride);
}

// window_rows() must fit into shared memory. One tap alone sees residue 0 and nothing else.
inline Window window_of(int steps, int64_t taps, int64_t stride, int64_t dilation) {
  if (taps == 1) return {1, steps, 0, 0};
  return {static_cast<int>(stride), static_cast<int>(steps + (taps - 1) * dilation / stride),
          static_cast<int>(dilation % stride), static_cast<int>(dilation / stride)};
}

// Four channels of row `at` of a series, zeros outside of it.
__device__ inline float4 quad_at(const float* series, int64_t at, int64_t length, int64_t step_stride,
                                 bool wanted) {
  if (!wanted || at < 0 || at >= length) return {0, 0, 0, 0};
  return *reinterpret_cast<const float4*>(series + at * step_stride);
}

}  // namespace mellow::cuda
