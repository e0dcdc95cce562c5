// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/tensor.h"

namespace mellow {

// Of one layer, as PyTorch's nn.LSTM has them; the rows are the gates i, f, g, o of all cells.
struct LstmWeights {
  Tensor weight_ih;         // [4 cells, channels]
  Tensor weight_hh;         // [4 cells, cells]
  Tensor bias_ih, bias_hh;  // [4 cells], both added
};

// Hochreiter & Schmidhuber 1997 with forget gates (Gers et al. 2000), from a zero state over the steps of x
// [batch, length, channels], contiguous → the hidden state after the last, [batch, cells]:
//   c := sigmoid(f) · c + sigmoid(i) · tanh(g),  h := sigmoid(o) · tanh(c).
// At length 1 the forget gate and weight_hh meet zeros: their gradients are zero. Keeps 6 values per series,
// step and cell for backward. The products run at the context's precision, the gates in the element type.
Tensor lstm(const Tensor& x, const LstmWeights& weights);

struct Lstm {
  Tensor x, weight_ih, weight_hh;
  Tensor gates;   // [batch, length, 4 cells]; in backward their gradients, step by step
  Tensor cells;   // [batch, length, cells]: c after each step
  Tensor before;  // [batch, length, cells]: h before each step; none at length 1
  template <class Backend>
  void forward(Backend& device, std::span<const Tensor> in, const Tensor& out);
  template <class Backend>
  void backward(Backend& device, const Tensor& dy, Gradients& gradients);
};

// One step of all series; every tensor may have strided rows.
struct LstmStep {
  Tensor gates;     // [batch, 4 cells]
  Tensor previous;  // [batch, cells]: c before the step; none at the first
  Tensor cell;      // [batch, cells]: c after it
};

// From products without biases: gates := sigmoid or tanh of gates + biases, then cell and hidden [batch,
// cells].
void lstm_gates(Cpu& cpu, const LstmStep& step, const Tensor& bias_ih, const Tensor& bias_hh,
                const Tensor& hidden);
void lstm_gates(Cuda& cuda, const LstmStep& step, const Tensor& bias_ih, const Tensor& bias_hh,
                const Tensor& hidden);

// gates := gradient of the products, from dhidden, the gradient of h after the step; dcell, that of c after
// the step through later steps, becomes that of c before it. Both [batch, cells].
void lstm_gates_backward(Cpu& cpu, const LstmStep& step, const Tensor& dhidden, const Tensor& dcell);
void lstm_gates_backward(Cuda& cuda, const LstmStep& step, const Tensor& dhidden, const Tensor& dcell);

}  // namespace mellow
