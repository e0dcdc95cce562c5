// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/nn/module.h"

// What training and evaluation know of a network.
namespace mellow {

class Classifier : public Module {
 public:
  using Module::Module;
  // x [batch, length, channels] → penultimate features [batch, features].
  virtual Tensor features(const Tensor& x) = 0;
  // features → logits [batch, classes].
  virtual Tensor head(const Tensor& features) = 0;
  Tensor logits(const Tensor& x) { return head(features(x)); }
  // What a twin elsewhere needs to be built alike, by name: goes into weight files.
  virtual std::vector<std::pair<std::string, int64_t>> sizes() const { return {}; }
};

// Encodes every step of a series.
class StepEncoder : public Module {
 public:
  using Module::Module;
  // x [batch, length, channels] without NaN, mask u8 [batch, length] (0: the step is hidden) → [batch,
  // length, dims].
  virtual Tensor encode(const Tensor& x, const Tensor& mask) = 0;
};

}  // namespace mellow
