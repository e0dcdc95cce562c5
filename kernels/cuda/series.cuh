// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cuda/divide.cuh"
#include "mellow/kernels/cuda/floats.cuh"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/operand.h"

namespace mellow::cuda {

// An array [batch, length, channels] with dense channels; steps and series may be further apart (windows).
struct Series {
  float* data;
  int64_t series_stride, step_stride;  // in elements
  int64_t batch;
  int length, channels;

  Series(const char* where, const Tensor& x)
      : data(f32(where, x)),
        series_stride(x.stride(0)),
        step_stride(x.stride(1)),
        batch(x.dim(0)),
        length(static_cast<int>(x.dim(1))),
        channels(static_cast<int>(x.dim(2))) {
    MELLOW_CHECK(channels <= 1 || x.stride(2) == 1, "[", where, "] the channels of ", x.shape(),
                 " must be dense");
    constexpr int64_t most = int64_t{1} << 30;  // sums of two positions stay within int
    MELLOW_CHECK(x.dim(1) <= most && x.dim(2) <= most, "[", where, "] ", x.shape(),
                 " has more steps or channels than the device counts");
  }
  __device__ float& at(int64_t b, int t, int c) const {
    return data[b * series_stride + t * step_stride + c];
  }
  int64_t count() const { return batch * length * channels; }
  // Whether channels come in fours at multiples of 16 bytes.
  bool has_quads() const { return in_fours(data, {channels, step_stride, series_stride}); }
  // `width` channels from c on.
  template <int width>
  __device__ Floats<width>& at(int64_t b, int t, int c) const {
    return *floats_at<width>(&at(b, t, c));
  }

  struct Place {
    int64_t series;
    int step, channel;
  };
  // Series, step and channel of element i, row-major.
  __device__ Place place(int64_t i) const {
    const int64_t row = divide(i, channels), series = divide(row, length);
    return {series, static_cast<int>(row - series * length), static_cast<int>(i - row * channels)};
  }
};

}  // namespace mellow::cuda
