// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/tensor.h"

// Elementwise ops. Inputs may be windows with evenly spaced rows (last dimension dense).
namespace mellow {

// y = max(x, 0); the gradient at 0 is 0; NaN is passed on.
Tensor relu(const Tensor& x);
// y = x Φ(x), exact (erf) form: Hendrycks & Gimpel 2016. Before a convolution see conv1d_of_gelu.
Tensor gelu(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor tanh(const Tensor& x);

// a + b and a · b, same shapes. The sum's gradient is handed on without a copy.
Tensor add(const Tensor& a, const Tensor& b);
// max(a + b, 0) in one pass: how residual branches end. It lies where a lay when `overwrite` says that nobody
// else reads a, neither now nor in backward.
Tensor add_relu(const Tensor& a, const Tensor& b, bool overwrite = false);
Tensor multiply(const Tensor& a, const Tensor& b);
// factor · x.
Tensor scale(const Tensor& x, double factor);

// Zeroes each element with probability `drop` and scales the rest by 1 / (1 - drop). The mask comes from
// context.random(), stream dropout, element number and `site` (one number per dropout layer of a model), and
// is drawn again in backward instead of being stored: the step must not move in between. Throws while
// context.random() has no step (engine/core/random_state.h).
Tensor dropout(const Tensor& x, double drop, uint32_t site);

// x [batch, length, channels] with all channels zeroed where mask (u8 [batch, length]) is 0.
Tensor mask_steps(const Tensor& x, const Tensor& mask);

struct Relu {  // keeps y: its sign is all backward needs
  Tensor y;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

struct Gelu {  // keeps x
  Tensor x;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

// Both at once, for little more than one of them: y := gelu(x) and dx := dy gelu'(x), or += where `add`. dx
// and y may each lie where dy does, not both; y also where x does.
void gelu_with_gradient(Cpu& cpu, const Tensor& x, const Tensor& dy, const Tensor& y,
                        const Gradients::Target& dx);
void gelu_with_gradient(Cuda& cuda, const Tensor& x, const Tensor& dy, const Tensor& y,
                        const Gradients::Target& dx);

struct Sigmoid {  // keeps y
  Tensor y;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

struct Tanh {  // keeps y
  Tensor y;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

struct Add {
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

struct AddRelu {  // keeps y
  Tensor y;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

struct Multiply {  // keeps both
  Tensor a, b;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

struct Scale {
  double factor;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

struct Dropout {
  double drop;
  uint32_t site;
  uint64_t seed;
  Tensor step;  // i64 [1] on the device
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

struct MaskSteps {
  Tensor mask;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

}  // namespace mellow
