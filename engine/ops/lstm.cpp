// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/lstm.h"

#include "mellow/engine/internal/apply.h"
#include "mellow/engine/ops/accumulate.h"
#include "mellow/engine/ops/matmul.h"

namespace mellow {
namespace {

// x [batch, length, width] as a matrix of all its steps.
Tensor rows_of(const Tensor& x) { return x.view({x.dim(0) * x.dim(1), x.dim(2)}); }

LstmStep step_of(const Lstm& op, int64_t t) {
  return {op.gates.select(1, t), t > 0 ? op.cells.select(1, t - 1) : Tensor(), op.cells.select(1, t)};
}

}  // namespace

Tensor lstm(const Tensor& x, const LstmWeights& w) {
  check_rank("lstm", x, 3, "x [batch, length, channels]");
  check_rank("lstm", w.weight_ih, 2, "weight_ih [4 cells, channels]");
  const int64_t gates = w.weight_ih.dim(0), cells = gates / 4;
  MELLOW_CHECK(cells >= 1 && gates == 4 * cells && w.weight_ih.dim(1) == x.dim(2), "[lstm] weight_ih ",
               w.weight_ih.shape(), " must be [4 cells, channels] of x ", x.shape());
  MELLOW_CHECK(x.dim(1) >= 1, "[lstm] x must have at least one step, got ", x.shape());
  for (const Tensor& t : {w.weight_ih, w.weight_hh, w.bias_ih, w.bias_hh}) check_together("lstm", x, t);
  MELLOW_CHECK(w.weight_hh.shape() == (Shape{gates, cells}), "[lstm] weight_hh must be [", gates, ", ", cells,
               "], got ", w.weight_hh.shape());
  for (const Tensor& bias : {w.bias_ih, w.bias_hh})
    MELLOW_CHECK(bias.shape() == Shape{gates}, "[lstm] biases must be [", gates, "], got ", bias.shape());
  return internal::apply(Lstm{}, {x, w.weight_ih, w.weight_hh, w.bias_ih, w.bias_hh}, Shape{x.dim(0), cells},
                         x.dtype());
}

template <class Backend>
void Lstm::forward(Backend& device, std::span<const Tensor> in, const Tensor& out) {
  x = in[0];
  weight_ih = in[1];
  weight_hh = in[2];
  const int64_t batch = x.dim(0), length = x.dim(1), width = out.dim(1);
  gates = Tensor::empty(x.context(), {batch, length, 4 * width}, x.dtype());
  cells = Tensor::empty(x.context(), {batch, length, width}, x.dtype());
  if (length > 1) before = Tensor::zeros(x.context(), {batch, length, width}, x.dtype());
  matmul_into(device, rows_of(x), false, weight_ih, true, rows_of(gates), false);
  for (int64_t t = 0; t < length; ++t) {
    const LstmStep step = step_of(*this, t);
    if (t > 0) matmul_into(device, before.select(1, t), false, weight_hh, true, step.gates, true);
    lstm_gates(device, step, in[3], in[4], t + 1 < length ? before.select(1, t + 1) : out);
  }
}

template <class Backend>
void Lstm::backward(Backend& device, const Tensor& dy, Gradients& gradients) {
  const int64_t batch = x.dim(0), length = x.dim(1), width = dy.dim(1);
  const Tensor dcell = Tensor::zeros(x.context(), {batch, width}, x.dtype());
  const Tensor dhidden = Tensor::empty(x.context(), {batch, width}, x.dtype());
  for (int64_t t = length - 1; t >= 0; --t) {
    const LstmStep step = step_of(*this, t);
    lstm_gates_backward(device, step, t + 1 < length ? dhidden : dy, dcell);
    if (t > 0) matmul_into(device, step.gates, false, weight_hh, false, dhidden, false);
  }
  const Tensor up = rows_of(gates);
  if (gradients.wanted(0))
    matmul_into(device, up, false, weight_ih, false, rows_of(gradients.fresh(0)), false);
  if (gradients.wanted(1)) {
    const auto [dw, add] = gradients.target(1);
    matmul_into(device, up, true, rows_of(x), false, dw, add);
  }
  if (gradients.wanted(2)) {
    const auto [dw, add] = gradients.target(2);
    if (length > 1)
      matmul_into(device, up, true, rows_of(before), false, dw, add);
    else if (!add)
      dw.zero();  // a place to overwrite is contiguous
  }
  if (!gradients.wanted(3) && !gradients.wanted(4)) return;
  const Tensor sums = Tensor::empty(x.context(), {4 * width}, x.dtype());
  column_sums(device, up, sums, false);
  for (const int bias : {3, 4})
    if (gradients.wanted(bias)) gradients.share(bias, sums, false);
}

}  // namespace mellow
