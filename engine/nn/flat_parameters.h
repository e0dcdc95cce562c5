// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/nn/module.h"

namespace mellow {

// All parameters of a module in one array, their gradients in a second, its buffers in a third: one launch
// updates all, one copy keeps a snapshot. The module's own handles follow; arrays start at multiples of 128
// bytes, gaps are zero. Made a second time of one module it shares the arrays of the first.
class FlatParameters {
 public:
  // Throws for a module that is part of a tree laid out before, or has a part that was.
  explicit FlatParameters(Module& module);

  // Whether these are the arrays of this very module.
  bool are_of(const Module& module) const { return weights_ == module.flat_.weights; }

  const Tensor& weights() const { return weights_; }
  const Tensor& gradients() const { return gradients_; }
  const Tensor& buffers() const { return buffers_; }

 private:
  static void lay_out(Module& module);
  template <class F>
  static void for_each_part(Module& module, F&& f);

  Tensor weights_, gradients_, buffers_;
};

// Weights and buffers as they were: a copy on the device.
class Snapshot {
 public:
  void take(const FlatParameters& parameters);
  void restore(const FlatParameters& parameters) const;
  bool empty() const { return !weights_.defined(); }

  const Tensor& weights() const { return weights_; }
  const Tensor& buffers() const { return buffers_; }

 private:
  Tensor weights_, buffers_;
};

}  // namespace mellow
