// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <utility>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/tensor.h"
#include "mellow/engine/internal/on_device.h"

// Runs an op, records it. For .cpp files of engine/ops only. An op is a struct with, for each backend B,
//   void forward(B&, std::span<const Tensor> inputs, const Tensor& output);
//   void backward(B&, const Tensor& dy, Gradients& gradients);
// whose members are what backward needs. forward fills them; nothing is kept when no tape records.
// An op whose output may be dropped and recomputed (engine/ops/recompute.h) also has
//   void rebuild(B&, std::span<const Tensor> inputs, const Tensor& output);
// which writes the bits that forward wrote, again from the inputs and members; no member is the output.
namespace mellow::internal {

template <class Op>
concept Rebuilds = requires(Op& op, Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  op.rebuild(cpu, in, out);
};

template <class Op>
class OpNode final : public Node {
 public:
  OpNode(Op op, Context& context) : op_(std::move(op)), context_(context) {}
  void backward(const Tensor& dy, Gradients& gradients) override {
    on_device(context_, [&](auto& device) { op_.backward(device, dy, gradients); });
  }
  bool can_rebuild() const override { return Rebuilds<Op>; }
  void rebuild(std::span<const Tensor> inputs, const Tensor& output) override {
    if constexpr (Rebuilds<Op>)
      on_device(context_, [&](auto& device) { op_.rebuild(device, inputs, output); });
    else
      throw Error("[recompute_for_backward] the op has no rebuild()");
  }

 private:
  Op op_;
  Context& context_;
};

// Writes into `output`, which may be a window of a larger tensor. Inputs may be empty handles (no bias).
template <class Op>
Tensor apply_into(Op op, std::span<const Tensor> inputs, const Tensor& output) {
  Context& context = output.context();
  on_device(context, [&](auto& device) { op.forward(device, inputs, output); });
  if (Tape* tape = context.tape(); tape != nullptr && Tape::any_requires_grad(inputs))
    tape->record(std::make_unique<OpNode<Op>>(std::move(op), context), inputs, output);
  return output;
}

template <class Op>
Tensor apply(Op op, std::initializer_list<Tensor> inputs, const Shape& shape, DType dtype) {
  Tensor output = Tensor::empty(inputs.begin()->context(), shape, dtype);
  return apply_into(std::move(op), std::span(inputs.begin(), inputs.size()), output);
}

// Where an op writes its result: at `place` when there is one, which must fit; else in new memory of x's
// context.
inline Tensor output_at(const Tensor& place, const char* where, const Shape& shape, const Tensor& x) {
  if (!place.defined()) return Tensor::empty(x.context(), shape, x.dtype());
  MELLOW_CHECK(place.shape() == shape && place.dtype() == x.dtype(), "[", where, "] the result is ", shape,
               ", the place for it ", place.shape());
  return place;
}

}  // namespace mellow::internal
