// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "mellow/kernels/cpu/window_product.h"

namespace mellow::cpu {

// What the gradients of all precisions share. The sum over samples and time is split into one part per thread
// of the options; each part sums its units in order into its own buffer, and the buffers are added in order,
// so the result does not depend on timing. A unit is a range of rows of one sample, or all rows of several
// short samples. The buffers hold the columns in panels as pack_block() lays them out: [taps in reach, depth,
// panel width].
template <class T>
class GradientSums {
 public:
  GradientSums(const WindowGradient<T>& gradient, const KernelOptions& options, int64_t lanes,
               int64_t steps_per_unit, Arena& arena);
  void run();

 protected:
  ~GradientSums() = default;

  // Adds the unit's products to `sums`.
  virtual void run_unit(Range samples, Range rows, int part, T* sums) const = 0;
  // Around all units of a thread.
  virtual void begin_thread() const {}
  virtual void end_thread() const {}

  int64_t panel_columns() const { return 2 * lanes_; }
  // Input rows that `rows` rows of dy reach.
  int64_t input_rows(int64_t rows) const {
    return rows == 0 || taps_.empty() ? 0 : (rows - 1) * g_.step + (taps_.size() - 1) * g_.dilation + 1;
  }
  // The first of them for a unit.
  int64_t first_input(Range rows) const {
    return rows.begin * g_.step + g_.first + taps_.begin * g_.dilation;
  }

  const WindowGradient<T>& g_;
  const KernelOptions& options_;
  const int64_t lanes_;
  const Range taps_;  // those that reach the series from any row
  int64_t samples_per_unit_, units_per_sample_, unit_rows_;

 private:
  void sum_part(int part) const;
  void write_tap(int64_t tap, int64_t panel) const;
  void add_bias(Range samples, Range rows, T* sums) const;

  int64_t sum_size_, bias_size_;
  T *sums_, *bias_sums_;
};

}  // namespace mellow::cpu
