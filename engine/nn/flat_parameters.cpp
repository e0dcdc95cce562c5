// SPDX-License-Identifier: MIT
#include "mellow/engine/nn/flat_parameters.h"

namespace mellow {
namespace {

constexpr int64_t aligned_elements = 32;  // 128 bytes of float32: a cache line pair, any vector load

int64_t padded(int64_t count) { return (count + aligned_elements - 1) / aligned_elements * aligned_elements; }

// Moves the entries into one new array; returns it.
Tensor gather_entries(Module& module, std::vector<Module::Named> entries) {
  int64_t total = 0;
  for (const auto& entry : entries) total += padded(entry.tensor.count());
  Tensor flat = Tensor::zeros(module.context(), {total}, module.dtype());
  int64_t at = 0;
  for (auto& entry : entries) {
    const Tensor place = flat.window(0, at, at + entry.tensor.count()).view(entry.tensor.shape());
    place.copy_from(entry.tensor);
    entry.tensor.rebind(place);
    at += padded(entry.tensor.count());
  }
  return flat;
}

}  // namespace

FlatParameters::FlatParameters(Module& module) {
  if (module.flat_.root != &module) lay_out(module);
  weights_ = module.flat_.weights;
  gradients_ = module.flat_.gradients;
  buffers_ = module.flat_.buffers;
  int64_t at = 0;
  for (const auto& entry : module.parameters()) {
    const int64_t count = entry.tensor.count();
    entry.tensor.set_grad(gradients_.window(0, at, at + count).view(entry.tensor.shape()));
    at += padded(count);
  }
}

template <class F>
void FlatParameters::for_each_part(Module& module, F&& f) {
  f(module.flat_);
  for (const auto& [name, part] : module.children_) for_each_part(*part, f);
}

void FlatParameters::lay_out(Module& module) {
  // Moved from the arrays of another module, that one's would be read by nobody.
  for_each_part(module, [](const Module::Flat& flat) {
    MELLOW_CHECK(flat.root == nullptr,
                 "[flat parameters] this module, or a part of it, lies in the FlatParameters of another "
                 "module: make them of one of the two only, the outermost that is trained");
  });
  const Tensor weights = gather_entries(module, module.parameters());
  const Tensor gradients = Tensor::zeros(module.context(), weights.shape(), module.dtype());
  module.flat_ = {nullptr, weights, gradients, gather_entries(module, module.buffers())};
  for_each_part(module, [&](Module::Flat& flat) { flat.root = &module; });
}

void Snapshot::take(const FlatParameters& parameters) {
  if (empty()) {
    weights_ = parameters.weights().clone();
    buffers_ = parameters.buffers().clone();
    return;
  }
  weights_.copy_from(parameters.weights());
  buffers_.copy_from(parameters.buffers());
}

void Snapshot::restore(const FlatParameters& parameters) const {
  parameters.weights().copy_from(weights_);
  parameters.buffers().copy_from(buffers_);
}

}  // namespace mellow
