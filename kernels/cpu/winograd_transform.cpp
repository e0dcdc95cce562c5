// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/winograd_transform.h"

#include <map>
#include <mutex>

namespace mellow::cpu {
namespace {

class WinogradTransform final : public BlockTransform {
 public:
  explicit WinogradTransform(const BlockKernels& kernels)
      : BlockTransform(winograd_points, winograd_points, 1, 0), kernels_(kernels) {}
  void left(const BlockInput& x, const BlockPlace& to, float*) const override {
    kernels_.input_points(x, to);
  }
  void right_of_weights(const BlockInput& w, const BlockPlace& to, float*) const override {
    kernels_.weight_points(w, to);
  }
  void right_of_gradient(const BlockInput& dy, const BlockPlace& to, float*) const override {
    kernels_.gradient_points(dy, to);
  }
  void rows(const BlockProduct& product, const BlockOutput& y, float*) const override {
    kernels_.row_steps(product, y);
  }
  void taps(const BlockProduct& product, const BlockOutput& dw, float*) const override {
    kernels_.tap_steps(product, dw);
  }

 private:
  const BlockKernels& kernels_;
};

}  // namespace

const BlockTransform& winograd_transform(const BlockKernels& kernels) {
  static std::mutex mutex;
  static std::map<const BlockKernels*, WinogradTransform> made;  // its nodes stay where they are
  const std::lock_guard lock(mutex);
  return made.try_emplace(&kernels, kernels).first->second;
}

}  // namespace mellow::cpu
