// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/ops/conv1d.h"
#include "mellow/engine/ops/pool1d.h"

// Convolutions of something that is cheap to compute from x, and is computed again in backward. Only x is
// kept, which costs nothing where others keep it too.
namespace mellow {

// conv1d(gelu(x), …). Backward computes gelu(x) beside its derivative.
Tensor conv1d_of_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias,
                      const Conv1dOptions& options);

// conv1d(max_pool1d(x, pool), …). On the CPU for a few series at a time: their pools stay in the cache.
Tensor conv1d_of_max_pool(const Tensor& x, const Pool1dOptions& pool, const Tensor& weight,
                          const Tensor& bias, const Conv1dOptions& options, const Tensor& place = {});

struct GeluConv1d {
  Conv1d conv;
  Tensor x;
  template <class Backend>
  void forward(Backend& device, std::span<const Tensor> in, const Tensor& out);
  template <class Backend>
  void backward(Backend& device, const Tensor& dy, Gradients& gradients);
  template <class Backend>
  void rebuild(Backend& device, std::span<const Tensor> in, const Tensor& out) {
    forward(device, in, out);
  }
};

struct PooledConv1d {
  Pool1dOptions pool;
  Conv1d conv;
  Tensor x;
  template <class Backend>
  void forward(Backend& device, std::span<const Tensor> in, const Tensor& out);
  template <class Backend>
  void backward(Backend& device, const Tensor& dy, Gradients& gradients);
  template <class Backend>
  void rebuild(Backend& device, std::span<const Tensor> in, const Tensor& out) {
    forward(device, in, out);
  }
};

}  // namespace mellow
