// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/pointwise.h"

#include <numbers>

#include "mellow/engine/ops/draws.h"
#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/elementwise.h"
#include "mellow/kernels/cpu/vector_math.h"

namespace mellow {
namespace {

// out := f(x…) in the element type of out.
template <class F, class... In>
void forward_map(const Cpu& cpu, const char* where, F f, const Tensor& out, const In&... x) {
  cpu::for_float(where, out.dtype(), [&]<class T>() { cpu::map<T>(cpu, where, f, false, out, x...); });
}

// The gradient of input i: f(x…), stored or added as the tape asks.
template <class F, class... In>
void map_gradient(const Cpu& cpu, const char* where, F f, const Gradients::Target& dx, const In&... x) {
  cpu::for_float(where, dx.place.dtype(),
                 [&]<class T>() { cpu::map<T>(cpu, where, f, dx.add, dx.place, x...); });
}

// The gradient f(dy, x…) of an op with one input.
template <class F, class... In>
void backward_map(const Cpu& cpu, const char* where, F f, Gradients& gradients, const Tensor& dy,
                  const In&... x) {
  if (gradients.wanted(0)) map_gradient(cpu, where, f, gradients.reuse(0, dy), dy, x...);
}

// Comparisons are turned so that NaN takes the branch that keeps it.
constexpr auto positive_part = [](auto x) { return x < 0 ? 0 : x; };
constexpr auto where_positive = [](auto dy, auto y) { return y <= 0 ? 0 : dy; };

constexpr auto gelu_value = [](auto x) { return x * cpu::normal_of(x, cpu::gauss_of(x)); };
// gelu'(x), given gauss_of(x) and normal_of(x).
constexpr auto gelu_slope = [](auto x, auto gauss, auto normal) {
  using T = decltype(x);
  constexpr T root_half = std::numbers::sqrt2_v<T> / 2;
  return normal + x * gauss * (std::numbers::inv_sqrtpi_v<T> * root_half);
};
constexpr auto gelu_gradient = [](auto dy, auto x) {
  const auto gauss = cpu::gauss_of(x);
  return dy * gelu_slope(x, gauss, cpu::normal_of(x, gauss));
};

// y := gelu(x), dx (+)= dy gelu'(x); dy may be y or dx, y may be x.
template <bool add, class T>
MELLOW_CLONES void gelu_range(int64_t n, const T* x, const T* dy, T* y, T* dx) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const T v = x[i], g = dy[i], gauss = cpu::gauss_of(v), below = cpu::normal_of(v, gauss);
    const T gradient = g * gelu_slope(v, gauss, below);
    y[i] = v * below;
    dx[i] = add ? dx[i] + gradient : gradient;
  }
}

}  // namespace

void Relu::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  y = out;
  forward_map(cpu, "relu", positive_part, out, in[0]);
}
void Relu::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  backward_map(cpu, "relu", where_positive, gradients, dy, y);
}

void Gelu::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  x = in[0];
  forward_map(cpu, "gelu", gelu_value, out, x);
}
void Gelu::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  backward_map(cpu, "gelu", gelu_gradient, gradients, dy, x);
}

void gelu_with_gradient(Cpu& cpu, const Tensor& x, const Tensor& dy, const Tensor& y,
                        const Gradients::Target& dx) {
  cpu::for_float("gelu", x.dtype(), [&]<class T>() {
    const auto run = [&](int64_t n, const T* from, const T* up, T* to, T* down) {
      if (dx.add)
        gelu_range<true>(n, from, up, to, down);
      else
        gelu_range<false>(n, from, up, to, down);
    };
    cpu::for_ranges<T>(cpu, "gelu", run, x, dy, y, dx.place);
  });
}

void Sigmoid::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  y = out;
  forward_map(
      cpu, "sigmoid", [](auto x) { return cpu::sigmoid_of(x); }, out, in[0]);
}
void Sigmoid::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  backward_map(
      cpu, "sigmoid", [](auto g, auto s) { return g * (s - s * s); }, gradients, dy, y);
}

void Tanh::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  y = out;
  forward_map(
      cpu, "tanh", [](auto x) { return cpu::tanh_of(x); }, out, in[0]);
}
void Tanh::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  backward_map(
      cpu, "tanh", [](auto g, auto t) { return g - g * t * t; }, gradients, dy, y);
}

void Add::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  forward_map(
      cpu, "add", [](auto a, auto b) { return a + b; }, out, in[0], in[1]);
}
void Add::backward(Cpu&, const Tensor& dy, Gradients& gradients) {
  const bool both = gradients.wanted(0) && gradients.wanted(1);
  for (int i : {0, 1})
    if (gradients.wanted(i)) gradients.share(i, dy, !both && gradients.upstream_is_exclusive());
}

void AddRelu::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  y = out;
  forward_map(
      cpu, "add_relu", [](auto a, auto b) { return positive_part(a + b); }, out, in[0], in[1]);
}
void AddRelu::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  const bool both = gradients.wanted(0) && gradients.wanted(1);
  const Tensor g =
      gradients.upstream_is_exclusive() ? dy : Tensor::empty(dy.context(), dy.shape(), dy.dtype());
  forward_map(cpu, "add_relu", where_positive, g, dy, y);
  for (int i : {0, 1})
    if (gradients.wanted(i)) gradients.share(i, g, !both);
}

void Multiply::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  a = in[0];
  b = in[1];
  forward_map(
      cpu, "multiply", [](auto u, auto v) { return u * v; }, out, a, b);
}
void Multiply::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  const auto product = [](auto u, auto v) { return u * v; };
  if (gradients.wanted(0)) map_gradient(cpu, "multiply", product, gradients.target(0), dy, b);
  if (gradients.wanted(1)) map_gradient(cpu, "multiply", product, gradients.target(1), dy, a);
}

void Scale::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  forward_map(
      cpu, "scale", [k = factor](auto x) { return static_cast<decltype(x)>(k) * x; }, out, in[0]);
}
void Scale::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  backward_map(
      cpu, "scale", [k = factor](auto g) { return static_cast<decltype(g)>(k) * g; }, gradients, dy);
}

}  // namespace mellow
