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

template <int width>
struct alignas(width) Bytes {
  uint8_t at[width];
};

// One thread per `width` neighbouring channels of y and winner [batch, out_length, channels]; winner may be
// null.
template <int width>
__global__ void max_pool_forward(int64_t n, cuda::Series x, cuda::Series y, Bytes<width>* winner,
                                 Window window) {
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  const auto [b, o, c] = y.place(i * width);
  const int begin = window.begin(o), from = max(begin, 0), to = min(begin + window.width, x.length);
  cuda::Floats<width> best = x.at<width>(b, from, c);
  Bytes<width> step;
#pragma unroll
  for (int k = 0; k < width; ++k) step.at[k] = static_cast<uint8_t>(from - begin);
  for (int t = from + 1; t < to; ++t) {
    const cuda::Floats<width> v = x.at<width>(b, t, c);
#pragma unroll
    for (int k = 0; k < width; ++k)
      if (v.at[k] > best.at[k] || (isnan(v.at[k]) && !isnan(best.at[k])))
        best.at[k] = v.at[k], step.at[k] = static_cast<uint8_t>(t - begin);
  }
  y.at<width>(b, o, c) = best;
  if (winner != nullptr) winner[i] = step;
}

// One thread per `width` neighbouring channels of dx: it gathers from the windows they won, so that no two
// threads write to one place.
template <int width>
__global__ void max_pool_backward(int64_t n, cuda::Series dx, bool add, cuda::Series dy,
                                  const Bytes<width>* winner, Window window) {
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  const auto [b, t, c] = dx.place(i * width);
  cuda::Floats<width> sum = {};
  for (int o = window.first(t); o <= window.last(t, dy.length); ++o) {
    const Bytes<width> won = winner[((b * dy.length + o) * dy.channels + c) / width];
    const cuda::Floats<width> up = dy.at<width>(b, o, c);
#pragma unroll
    for (int k = 0; k < width; ++k)
      if (won.at[k] == t - window.begin(o)) sum.at[k] += up.at[k];
  }
  store(dx.at<width>(b, t, c), sum, add);
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
  const auto launch = [&]<int width>() {
    cuda::launch_1d(cuda, max_pool_forward<width>, to.count() / width, from, to,
                    reinterpret_cast<Bytes<width>*>(position), Window(options));
  };
  from.has_quads() && to.has_quads() ? launch.operator()<4>() : launch.operator()<1>();
}

void max_windows_backward(Cuda& cuda, const Pool1dOptions& options, const Tensor& winner, const Tensor& dy,
                          const Gradients::Target& target) {
  const cuda::Series dx("max_pool1d", target.place), up("max_pool1d", dy);
  const auto launch = [&]<int width>() {
    cuda::launch_1d(cuda, max_pool_backward<width>, dx.count() / width, dx, target.add, up,
                    reinterpret_cast<const Bytes<width>*>(winner.data<uint8_t>()), Window(options));
  };
  dx.has_quads() && up.has_quads() ? launch.operator()<4>() : launch.operator()<1>();
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
