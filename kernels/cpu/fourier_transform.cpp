// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/fourier_transform.h"

#include <cmath>
#include <map>
#include <mutex>
#include <numbers>
#include <utility>
#include <vector>

namespace mellow::cpu {
namespace {

constexpr int radices[] = {4, 5, 3, 2};

class FourierTransform final : public BlockTransform {
 public:
  FourierTransform(int64_t points_of_plan, const BlockKernels& kernels)
      : BlockTransform(points_of_plan, points_of_plan / 2 + 1, 3, points_of_plan * 2 * kernels.lanes),
        kernels_(kernels),
        place_(static_cast<size_t>(size)) {
    int64_t stride = 1;  // of the bins that differ in this stage's digit
    for (int64_t length = size; length > 1;) {
      const int radix = add_stage(length);
      for (int64_t k = 0; k < size; ++k)
        place_[static_cast<size_t>(k)] += k / stride % radix * (length / radix);
      length /= radix;
      stride *= radix;
    }
    const float* twiddles = twiddles_.data();
    for (FourierStage& stage : stages_) {
      stage.twiddles = twiddles;
      twiddles += 2 * (stage.length / stage.radix) * (stage.radix - 1);
    }
    tables_ = {size, points, static_cast<int64_t>(stages_.size()), stages_.data(), place_.data()};
  }
  FourierTransform(const FourierTransform&) = delete;
  FourierTransform& operator=(const FourierTransform&) = delete;

  void left(const BlockInput& x, const BlockPlace& to, float* scratch) const override {
    kernels_.spectrum(tables_, x, true, to, scratch);
  }
  void right_of_weights(const BlockInput& w, const BlockPlace& to, float* scratch) const override {
    kernels_.spectrum(tables_, w, false, to, scratch);
  }
  void right_of_gradient(const BlockInput& dy, const BlockPlace& to, float* scratch) const override {
    kernels_.spectrum(tables_, dy, false, to, scratch);
  }
  void rows(const BlockProduct& product, const BlockOutput& y, float* scratch) const override {
    kernels_.series(tables_, product, y, scratch);
  }
  void taps(const BlockProduct& product, const BlockOutput& dw, float* scratch) const override {
    kernels_.series(tables_, product, dw, scratch);
  }

 private:
  // The next stage and its twiddles; returns its radix.
  int add_stage(int64_t length) {
    int radix = 0;
    for (const int r : radices)
      if (radix == 0 && length % r == 0) radix = r;
    stages_.push_back({radix, length, nullptr});
    for (int64_t p = 0; p < length / radix; ++p)
      for (int j = 1; j < radix; ++j) {
        const double angle = -2 * std::numbers::pi * static_cast<double>(p * j) / static_cast<double>(length);
        twiddles_.push_back(static_cast<float>(std::cos(angle)));
        twiddles_.push_back(static_cast<float>(std::sin(angle)));
      }
    return radix;
  }

  const BlockKernels& kernels_;
  std::vector<FourierStage> stages_;
  std::vector<float> twiddles_;
  std::vector<int64_t> place_;
  FourierTables tables_;
};

}  // namespace

bool has_fourier_transform(int64_t size) {
  if (size < 2) return false;
  for (const int r : {2, 3, 5})
    while (size % r == 0) size /= r;
  return size == 1;
}

const BlockTransform& fourier_transform(int64_t size, const BlockKernels& kernels) {
  static std::mutex mutex;
  static std::map<std::pair<int64_t, const BlockKernels*>, FourierTransform>
      made;  // nodes stay where they are
  const std::lock_guard lock(mutex);
  return made.try_emplace({size, &kernels}, size, kernels).first->second;
}

}  // namespace mellow::cpu
