// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/nn/module.h"
#include "mellow/engine/ops/batch_norm.h"
#include "mellow/engine/ops/conv1d_of.h"
#include "mellow/engine/ops/lstm.h"

// Layers: parameters and one op call each.
namespace mellow {

class LinearLayer final : public Module {
 public:
  LinearLayer(const ModuleOptions& options, int64_t in, int64_t out);
  Tensor operator()(const Tensor& x) const;  // […, in] → […, out]

 private:
  Tensor weight_, bias_;
};

struct ConvLayerOptions {
  int64_t in, out, width;
  bool bias = true;
  Conv1dOptions conv;  // default: no padding; same_padding(width, dilation) keeps the length
  WeightStart start = WeightStart::usual;
};

class ConvLayer final : public Module {
 public:
  ConvLayer(const ModuleOptions& options, const ConvLayerOptions& conv);
  // [batch, length, in] → [batch, …, out]; `place` as in conv1d.
  Tensor operator()(const Tensor& x, const Tensor& place = {}) const;
  // The same of gelu(x) and of max_pool1d(x, pool), in less memory and time (engine/ops/conv1d_of.h).
  Tensor of_gelu(const Tensor& x) const;
  Tensor of_max_pool(const Tensor& x, const Pool1dOptions& pool, const Tensor& place = {}) const;
  // Layers without biases on the same x, their channels side by side (engine/ops/conv1d_branches.h).
  static Tensor side_by_side(const Tensor& x, std::span<const ConvLayer* const> layers,
                             const Tensor& place = {});

 private:
  Conv1dOptions conv_;
  Tensor weight_, bias_;
};

class BatchNormLayer final : public Module {
 public:
  BatchNormLayer(const ModuleOptions& options, int64_t channels);
  Tensor operator()(const Tensor& x, bool relu = false) const;  // [batch, length, channels]

 private:
  Tensor weight_, bias_, running_mean_, running_var_;
};

// One layer with PyTorch's names: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0. Keras has one bias: of
// the two here bias_ih_l0 starts as that one does (1 for the forget gate, else 0), the other as 0.
class LstmLayer final : public Module {
 public:
  LstmLayer(const ModuleOptions& options, int64_t in, int64_t cells);
  Tensor operator()(const Tensor& x) const;  // [batch, length, in] → the last hidden state [batch, cells]

 private:
  LstmWeights weights_;
};

}  // namespace mellow
