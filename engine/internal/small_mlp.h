// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace mellow::internal {

// One ReLU multilayer perceptron with its gradient and Adam state, small enough for the second-level cache
// (the 2-64×5-3 network: 340 KiB). For studies that train thousands of networks, each on one thread: networks
// share nothing worth sharing, so many at once means many threads, not a wider product. A step costs no
// allocation, no tape and no call beyond its register tiles. float32; defined in kernels/cpu.
//
// Parameters are read and written in PyTorch's order: for each layer weight [out, in], then bias [out].
class SmallMlp {
 public:
  // widths: features, hidden layers, classes; at least two, all positive. batch: most rows per call of
  // gradient().
  SmallMlp(std::span<const int64_t> widths, int64_t batch);
  ~SmallMlp();
  SmallMlp(const SmallMlp&) = delete;
  SmallMlp& operator=(const SmallMlp&) = delete;

  int64_t parameter_count() const;
  // Also forgets Adam's moments.
  void set_parameters(std::span<const float> parameters);
  std::vector<float> parameters() const;

  // Fast copies of the parameters as they lie in memory (the layout depends on the instruction set).
  void save(std::vector<float>& snapshot) const;
  void restore(std::span<const float> snapshot);  // leaves Adam's moments alone

  // x [rows, features] → logits [rows, classes].
  void logits(std::span<const float> x, int64_t rows, float* out);
  // The gradient of the mean cross-entropy −Σ_k q_k log softmax(z)_k over the rows; targets q [rows, classes]
  // sum to 1.
  void gradient(std::span<const float> x, std::span<const float> targets, int64_t rows);
  std::vector<float> last_gradient() const;  // in the order of parameters()
  // One Adam step (β .9 and .999, ε 1e-8) with the last gradient; step is 1 at the first update.
  void adam(double lr, int64_t step);

 private:
  struct Layers;
  std::unique_ptr<Layers> layers_;
};

}  // namespace mellow::internal
