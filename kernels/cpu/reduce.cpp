// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/reduce.h"

#include <vector>

#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/elementwise.h"
#include "mellow/kernels/cpu/max_steps.h"

namespace mellow {
namespace {

// y[c] := factor · Σ over t of x[t · stride + c], summed in double.
template <class T>
MELLOW_CLONES void sum_steps(int64_t steps, int64_t channels, const T* x, int64_t stride, double factor,
                             T* y) {
  constexpr int64_t tile = 64;
  double sum[tile];
  for (int64_t c0 = 0; c0 < channels; c0 += tile) {
    const int64_t n = std::min(tile, channels - c0);
    for (int64_t c = 0; c < n; ++c) sum[c] = 0;
    for (int64_t t = 0; t < steps; ++t)
      for (int64_t c = 0; c < n; ++c) sum[c] += x[t * stride + c0 + c];
    for (int64_t c = 0; c < n; ++c) y[c0 + c] = static_cast<T>(factor * sum[c]);
  }
}

// Sixteen running sums let the additions overlap; they are joined in a fixed order.
template <class T>
MELLOW_CLONES double sum_range(int64_t n, const T* x) {
  constexpr int64_t lanes = 16;
  double sums[lanes] = {};
  const int64_t whole = n - n % lanes;
  for (int64_t i = 0; i < whole; i += lanes)
    for (int64_t k = 0; k < lanes; ++k) sums[k] += x[i + k];
  double total = 0;
  for (int64_t i = whole; i < n; ++i) total += x[i];
  for (double s : sums) total += s;
  return total;
}

int64_t samples_per_thread(const Tensor& x) { return 1 + 16384 / (x.dim(1) * x.dim(2) + 1); }

}  // namespace

void MeanOverTime::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  const Tensor& x = in[0];
  length = x.dim(1);
  internal::check_dense("mean_over_time", x);
  cpu::for_float("mean_over_time", x.dtype(), [&]<class T>() {
    cpu::parallel_for(cpu, x.dim(0), samples_per_thread(x), [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b)
        sum_steps(length, x.dim(2), static_cast<const T*>(x.data<T>() + b * x.stride(0)), x.stride(1),
                  1.0 / static_cast<double>(length), out.data<T>() + b * out.stride(0));
    });
  });
}

void MeanOverTime::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  const auto [dx, add] = gradients.target(0);
  internal::check_dense("mean_over_time", dx);
  internal::check_dense("mean_over_time", dy);
  cpu::for_float("mean_over_time", dx.dtype(), [&, &to = dx, adds = add]<class T>() {
    const T share = static_cast<T>(1.0 / static_cast<double>(length));
    cpu::parallel_for(cpu, to.dim(0) * length, 1 + cpu::elementwise_grain / (to.dim(2) + 1),
                      [&](int64_t begin, int64_t end) {
                        for (int64_t i = begin; i < end; ++i)
                          cpu::map_range(
                              to.dim(2), [share](T g) { return share * g; }, adds,
                              to.template data<T>() + i / length * to.stride(0) + i % length * to.stride(1),
                              static_cast<const T*>(dy.data<T>() + i / length * dy.stride(0)));
                      });
  });
}

void MaxOverTime::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  const Tensor& x = in[0];
  internal::check_dense("max_over_time", x);
  MELLOW_CHECK(x.dim(1) <= INT32_MAX, "[max_over_time] x ", x.shape(), " has more steps than int32 counts");
  winner = Tensor::empty(out.context(), out.shape(), DType::i32);
  cpu::for_float("max_over_time", x.dtype(), [&]<class T>() {
    cpu::parallel_for(cpu, x.dim(0), samples_per_thread(x), [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b)
        cpu::max_steps(x.dim(1), x.dim(2), static_cast<const T*>(x.data<T>() + b * x.stride(0)), x.stride(1),
                       0, out.data<T>() + b * out.stride(0), winner.data<int32_t>() + b * x.dim(2));
    });
  });
}

void MaxOverTime::backward(Cpu&, const Tensor& dy, Gradients& gradients) {
  const auto [dx, add] = gradients.target(0);
  internal::check_dense("max_over_time", dx);
  internal::check_dense("max_over_time", dy);
  if (!add) dx.zero();  // a place to overwrite is contiguous
  const int32_t* at = winner.data<int32_t>();
  cpu::for_float("max_over_time", dx.dtype(), [&, &to = dx]<class T>() {
    for (int64_t b = 0; b < to.dim(0); ++b)
      for (int64_t c = 0; c < to.dim(2); ++c)
        to.template data<T>()[b * to.stride(0) + at[b * to.dim(2) + c] * to.stride(1) + c] +=
            dy.data<T>()[b * dy.stride(0) + c];
  });
}

void Sum::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  // Chunks of fixed size, joined in order: the same bits for any number of threads.
  constexpr int64_t chunk = 8192;
  const Tensor& x = in[0];
  cpu::for_float("sum", x.dtype(), [&]<class T>() {
    const bool flat = x.is_contiguous();
    const cpu::RowWalk rows("sum", x);
    const int64_t width = flat ? x.count() : rows.width();
    const int64_t chunks = (width + chunk - 1) / chunk, count = flat ? 1 : rows.count();
    std::vector<double> sums(static_cast<size_t>(count * chunks));
    const T* a = x.data<T>();
    cpu::parallel_for(cpu, count * chunks, 1 + 4 * chunk / (width + 1), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t from = i % chunks * chunk;
        sums[static_cast<size_t>(i)] =
            sum_range(std::min(chunk, width - from), a + (flat ? 0 : rows.at(i / chunks)) + from);
      }
    });
    double total = 0;
    for (double s : sums) total += s;
    *out.data<T>() = static_cast<T>(factor * total);
  });
}

void Sum::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  const auto [dx, add] = gradients.target(0);
  cpu::for_float("sum", dx.dtype(), [&, &to = dx, adds = add]<class T>() {
    const T share = static_cast<T>(factor) * *dy.data<T>();
    cpu::map<T>(
        cpu, "sum", [share] { return share; }, adds, to);
  });
}

}  // namespace mellow
