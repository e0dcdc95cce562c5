// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/softmax.h"

#include <cmath>

#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/parallel.h"

namespace mellow {
namespace {

constexpr int64_t grain(int64_t width) { return 1 + 4096 / (width + 1); }

// log Σ exp(x), summed in double whatever T is.
template <class T>
double log_sum_exp(const T* x, int64_t width) {
  const auto top = static_cast<double>(*std::max_element(x, x + width));
  double sum = 0;
  for (int64_t c = 0; c < width; ++c) sum += std::exp(static_cast<double>(x[c]) - top);
  return top + std::log(sum);
}

// out = f(x - log Σ exp(x)), row by row.
template <class F>
void normalise(const char* where, Cpu& cpu, const Tensor& x, const Tensor& out, F&& f) {
  const cpu::Rows from = cpu::rows_of(where, x), to = cpu::rows_of(where, out);
  cpu::for_float(where, out.dtype(), [&]<class T>() {
    const T* source = x.data<T>();
    T* result = out.data<T>();
    cpu::parallel_for(cpu, to.count, grain(to.width), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* a = source + i * from.stride;
        const double total = log_sum_exp(a, to.width);
        for (int64_t c = 0; c < to.width; ++c)
          result[i * to.stride + c] = static_cast<T>(f(static_cast<double>(a[c]) - total));
      }
    });
  });
}

// dx (+)= the gradient of one row, from y, dy and a weighted sum of dy: Σ weight(y) dy.
template <class Weight, class Gradient>
void backward_rows(const char* where, Cpu& cpu, const Tensor& y, const Tensor& dy, Gradients& gradients,
                   Weight&& weight, Gradient&& gradient) {
  const auto [dx, add] = gradients.target(0);
  const cpu::Rows kept = cpu::rows_of(where, y), up = cpu::rows_of(where, dy), to = cpu::rows_of(where, dx);
  cpu::for_float(where, dy.dtype(), [&, &place = dx, adds = add]<class T>() {
    const T *r = y.data<T>(), *g = dy.data<T>();
    T* d = place.template data<T>();
    cpu::parallel_for(cpu, to.count, grain(to.width), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T *yi = r + i * kept.stride, *gi = g + i * up.stride;
        T* di = d + i * to.stride;
        double sum = 0;
        for (int64_t c = 0; c < to.width; ++c)
          sum += weight(static_cast<double>(yi[c])) * static_cast<double>(gi[c]);
        for (int64_t c = 0; c < to.width; ++c) {
          const auto v =
              static_cast<T>(gradient(static_cast<double>(yi[c]), static_cast<double>(gi[c]), sum));
          di[c] = adds ? di[c] + v : v;
        }
      }
    });
  });
}

}  // namespace

void Softmax::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  y = out;
  normalise("softmax", cpu, in[0], out, [](double log_p) { return std::exp(log_p); });
}

void Softmax::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  backward_rows(
      "softmax", cpu, y, dy, gradients, [](double p) { return p; },
      [](double p, double g, double mean) { return p * (g - mean); });
}

void LogSoftmax::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  y = out;
  normalise("log_softmax", cpu, in[0], out, [](double log_p) { return log_p; });
}

void LogSoftmax::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  backward_rows(
      "log_softmax", cpu, y, dy, gradients, [](double) { return 1.0; },
      [](double log_p, double g, double sum) { return g - std::exp(log_p) * sum; });
}

}  // namespace mellow
