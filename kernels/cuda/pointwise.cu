// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/pointwise.h"
#include "mellow/kernels/cuda/elementwise.cuh"

namespace mellow {
namespace {

constexpr float root_half = 0.70710678118654752f;
constexpr float inverse_root_two_pi = 0.39894228040143268f;

// Comparisons are turned so that NaN takes the branch that keeps it.
struct PositivePart {
  __device__ float operator()(float x) const { return x < 0 ? 0.0f : x; }
};
struct WherePositive {
  __device__ float operator()(float dy, float y) const { return y <= 0 ? 0.0f : dy; }
};
struct GeluValue {
  __device__ float operator()(float x) const { return x * (0.5f + 0.5f * erff(x * root_half)); }
};
struct GeluGradient {
  __device__ float operator()(float dy, float x) const {
    const float below = 0.5f + 0.5f * erff(x * root_half);
    return dy * (below + x * expf(-0.5f * x * x) * inverse_root_two_pi);
  }
};
// One thread per element, or per four.
template <int width>
__global__ void gelu_kernel(int64_t n, cuda::Reading x, cuda::Reading dy, cuda::Writing y, cuda::Writing dx) {
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  const auto v = x.load<width>(i), g = dy.load<width>(i);  // before y or dx takes the place of dy
  dx.put(i, cuda::each<width>(GeluGradient{}, g, v));
  y.put(i, cuda::each<width>(GeluValue{}, v));
}
struct SigmoidValue {
  __device__ float operator()(float x) const { return 1 / (1 + expf(-x)); }
};
struct SigmoidGradient {
  __device__ float operator()(float dy, float y) const { return dy * (y - y * y); }
};
struct TanhValue {
  __device__ float operator()(float x) const { return tanhf(x); }
};
struct TanhGradient {
  __device__ float operator()(float dy, float y) const { return dy - dy * y * y; }
};
struct SumOf {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct PositiveSum {
  __device__ float operator()(float a, float b) const { return PositivePart{}(a + b); }
};
struct ProductOf {
  __device__ float operator()(float a, float b) const { return a * b; }
};
struct TimesConstant {
  float factor;
  __device__ float operator()(float x) const { return factor * x; }
};

}  // namespace

void Relu::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  y = out;
  cuda::map(cuda, "relu", PositivePart{}, out, false, in[0]);
}
void Relu::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  cuda::map_gradient(cuda, "relu", WherePositive{}, gradients, dy, y);
}

void Gelu::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  x = in[0];
  cuda::map(cuda, "gelu", GeluValue{}, out, false, x);
}
void Gelu::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  cuda::map_gradient(cuda, "gelu", GeluGradient{}, gradients, dy, x);
}

void gelu_with_gradient(Cuda& cuda, const Tensor& x, const Tensor& dy, const Tensor& y,
                        const Gradients::Target& dx) {
  constexpr const char* where = "gelu";
  cuda::launch_elements(cuda, gelu_kernel<1>, gelu_kernel<4>, x.count(), cuda::Reading(where, x),
                        cuda::Reading(where, dy), cuda::Writing(where, y, false),
                        cuda::Writing(where, dx.place, dx.add));
}

void Sigmoid::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  y = out;
  cuda::map(cuda, "sigmoid", SigmoidValue{}, out, false, in[0]);
}
void Sigmoid::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  cuda::map_gradient(cuda, "sigmoid", SigmoidGradient{}, gradients, dy, y);
}

void Tanh::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  y = out;
  cuda::map(cuda, "tanh", TanhValue{}, out, false, in[0]);
}
void Tanh::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  cuda::map_gradient(cuda, "tanh", TanhGradient{}, gradients, dy, y);
}

void Add::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  cuda::map(cuda, "add", SumOf{}, out, false, in[0], in[1]);
}
void Add::backward(Cuda&, const Tensor& dy, Gradients& gradients) {
  const bool both = gradients.wanted(0) && gradients.wanted(1);
  for (int i : {0, 1})
    if (gradients.wanted(i)) gradients.share(i, dy, !both && gradients.upstream_is_exclusive());
}

void AddRelu::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  y = out;
  cuda::map(cuda, "add_relu", PositiveSum{}, out, false, in[0], in[1]);
}
void AddRelu::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  const bool both = gradients.wanted(0) && gradients.wanted(1);
  const Tensor g = gradients.upstream_is_exclusive() ? dy : Tensor::empty(dy.context(), dy.shape());
  cuda::map(cuda, "add_relu", WherePositive{}, g, false, dy, y);
  for (int i : {0, 1})
    if (gradients.wanted(i)) gradients.share(i, g, !both);
}

void Multiply::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  a = in[0];
  b = in[1];
  cuda::map(cuda, "multiply", ProductOf{}, out, false, a, b);
}
void Multiply::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  const Tensor other[] = {b, a};
  for (int i : {0, 1})
    if (gradients.wanted(i)) {
      const auto [dx, add] = gradients.target(i);
      cuda::map(cuda, "multiply", ProductOf{}, dx, add, dy, other[i]);
    }
}

void Scale::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  cuda::map(cuda, "scale", TimesConstant{static_cast<float>(factor)}, out, false, in[0]);
}
void Scale::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  cuda::map_gradient(cuda, "scale", TimesConstant{static_cast<float>(factor)}, gradients, dy);
}

}  // namespace mellow
