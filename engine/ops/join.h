// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/tensor.h"

namespace mellow {

// Concatenation along the last dimension without a copy: ops write their results straight into part(…), and
// the gradient of a part is a window of the gradient of the whole.
//
//   Join join(context, {batch, length, 128}, dtype);
//   conv1d(x, w, {}, options, join.part(32));   // the next 32 channels
//   Tensor y = join.whole();
class Join {
 public:
  Join(Context& context, const Shape& shape, DType dtype);
  // The window of the next `width` channels: pass it to the op that fills it.
  Tensor part(int64_t width);
  // The whole, once every channel has been given out and written.
  Tensor whole();

 private:
  Tensor whole_;
  std::vector<Tensor> parts_;
  int64_t used_ = 0;
};

// The same with a copy, for parts that exist already; all dimensions but the last agree.
Tensor concatenate(std::span<const Tensor> parts);

// [from, to) along one dimension, as a contiguous copy; the gradient flows back into that range.
Tensor slice(const Tensor& x, int dim, int64_t from, int64_t to);

// The same elements in another shape; contiguous.
Tensor reshape(const Tensor& x, const Shape& shape);

struct JoinParts {  // widths of the parts along the last dimension
  std::vector<int64_t> widths;
  bool copy = false;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

struct Slice {
  int dim;
  int64_t from, to;
  Shape shape;  // of x
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

struct Reshape {
  Shape shape;  // of x
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

// to := from, elementwise, same shape; either may be a window.
void copy_rows(Cpu& cpu, const Tensor& from, const Tensor& to);
void copy_rows(Cuda& cuda, const Tensor& from, const Tensor& to);

}  // namespace mellow
