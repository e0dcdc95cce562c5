// SPDX-License-Identifier: MIT
#include <algorithm>

#include "mellow/engine/ops/pool1d.h"
#include "mellow/kernels/cuda/series.cuh"

namespace mellow {
namespace {

struct Window {
  int width, stride, pad_left;
  bool count_padding;
  explicit Window(const Pool1dOptions& o)
      : width(static_cast<int>(o.width)),
        stride(static_cast<int>(std::min<int64_t>(o.stride, 1 << 30))),
        pad_left(static_cast<int>(o.pad_left)),
        count_padding(o.count_padding) {}

  __device__ int begin(int out_step) const { return out_step * stride - pad_left; }
  // First and last window that hold step t, of `count` windows; none when first > last.
  __device__ int first(int t) const {
    const int after = t + pad_left - width;  // the last position that lies before the window
    return after < 0 ? 0 : after / stride + 1;
  }
  __device__ int last(int t, int count) const { return min((t + pad_left) / stride, count - 1); }
  // What the sum of a window is divided by.
  __device__ float divisor(int out_step, int length) const {
    if (count_padding) return static_cast<float>(width);
    return static_cast<float>(min(begin(out_step) + width, length) - max(begin(out_step), 0));
  }
};

// One thread per element of y and winner [batch, out_length, channels]; winner may be null.
__global__ void max_pool_forward(int64_t n, cuda::Series x, cuda::Series y, uint8_t* winner, Window window) {
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  const auto [b, o, c] = y.place(i);
  const int from = max(window.begin(o), 0), to = min(window.begin(o) + window.width, x.length);
  float best = x.at(b, from, c);
  int step = from;
  for (int t = from + 1; t < to; ++t)
    if (const float v = x.at(b, t, c); v > best || (isnan(v) && !isnan(best))) best = v, step = t;
  y.at(b, o, c) = best;
  if (winner != nullptr) winner[i] = static_cast<uint8_t>(step - window.begin(o));
}

// One thread per element of dx: it gathers from the windows it won, so that no two threads write to one
// place.
__global__ void max_pool_backward(int64_t n, cuda::Series dx, bool add, cuda::Series dy,
                                  const uint8_t* winner, Window window) {
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  const auto [b, t, c] = dx.place(i);
  float sum = 0;
  for (int o = window.first(t); o <= window.last(t, dy.length); ++o)
    if (winner[(b * dy.length + o) * dy.channels + c] == t - window.begin(o)) sum += dy.at(b, o, c);
  float& place = dx.at(b, t, c);
  place = add ? place + sum : sum;
}

__global__ void avg_pool_forward(int64_t n, cuda::Series x, cuda::Series y, Window window) {
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  const auto [b, o, c] = y.place(i);
  const int from = max(window.begin(o), 0), to = min(window.begin(o) + window.width, x.length);
  float sum = 0;
  for (int t = from; t < to; ++t) sum += x.at(b, t, c);
  y.at(b, o, c) = sum / window.divisor(o, x.length);
}

__global__ void avg_pool_backward(int64_t n, cuda::Series dx, bool add, cuda::Series dy, Window window) {
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  const auto [b, t, c] = dx.place(i);
  float sum = 0;
  for (int o = window.first(t); o <= window.last(t, dy.length); ++o)
    sum += dy.at(b, o, c) / window.divisor(o, dx.length);
  float& place = dx.at(b, t, c);
  place = add ? place + sum : sum;
}

}  // namespace

void max_windows(Cuda& cuda, const Pool1dOptions& options, const Tensor& x, const Tensor& y,
                 const Tensor& winner) {
  const cuda::Series from("max_pool1d", x), to("max_pool1d", y);
  uint8_t* position = winner.defined() ? winner.data<uint8_t>() : nullptr;
  cuda::launch_1d(cuda, max_pool_forward, to.count(), from, to, position, Window(options));
}

void max_windows_backward(Cuda& cuda, const Pool1dOptions& options, const Tensor& winner, const Tensor& dy,
                          const Gradients::Target& target) {
  const cuda::Series dx("max_pool1d", target.place), up("max_pool1d", dy);
  cuda::launch_1d(cuda, max_pool_backward, dx.count(), dx, target.add, up, winner.data<uint8_t>(),
                  Window(options));
}

void AvgPool1d::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  const cuda::Series x("avg_pool1d", in[0]), y("avg_pool1d", out);
  cuda::launch_1d(cuda, avg_pool_forward, y.count(), x, y, Window(options));
}

void AvgPool1d::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  const auto [place, add] = gradients.target(0);
  const cuda::Series dx("avg_pool1d", place), up("avg_pool1d", dy);
  cuda::launch_1d(cuda, avg_pool_backward, dx.count(), dx, add, up, Window(options));
}

}  // namespace mellow
