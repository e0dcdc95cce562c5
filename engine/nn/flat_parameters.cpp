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

FlatParameters::FlatParameters(Module& module)
    : weights_(gather_entries(module, module.parameters())),
      gradients_(Tensor::zeros(module.context(), weights_.shape(), module.dtype())),
      buffers_(gather_entries(module, module.buffers())) {
  int64_t at = 0;
  for (const auto& entry : module.parameters()) {
    const int64_t count = entry.tensor.count();
    entry.tensor.set_grad(gradients_.window(0, at, at + count).view(entry.tensor.shape()));
    at += padded(count);
  }
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
