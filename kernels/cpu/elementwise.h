// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

#include "mellow/engine/core/error.h"
#include "mellow/engine/core/tensor.h"
#include "mellow/kernels/cpu/clones.h"
#include "mellow/kernels/cpu/parallel.h"
#include "mellow/kernels/rows.h"

namespace mellow::cpu {

// Work per thread below which starting the thread costs more than it brings, in elements.
inline constexpr int64_t elementwise_grain = 16384;

// Where the rows (dense last dimension) of any window lie. Dimensions that follow each other evenly are
// merged, so that at() is one multiplication for contiguous tensors and for channel windows of them.
class RowWalk {
 public:
  RowWalk(const char* where, const Tensor& x) : width_(x.rank() == 0 ? 1 : x.dim(-1)) {
    internal::check_dense(where, x);
    count_ = width_ == 0 ? 0 : x.count() / width_;
    for (int i = 0; i + 1 < x.rank(); ++i) {
      const auto last = static_cast<size_t>(outer_);
      if (outer_ > 0 && strides_[last - 1] == x.stride(i) * x.dim(i)) {
        dims_[last - 1] *= x.dim(i);
        strides_[last - 1] = x.stride(i);
      } else if (x.dim(i) != 1) {
        dims_[last] = x.dim(i);
        strides_[last] = x.stride(i);
        ++outer_;
      }
    }
  }
  int64_t count() const { return count_; }
  int64_t width() const { return width_; }
  // Elements from the first of the tensor to the first of a row.
  int64_t at(int64_t row) const {
    int64_t offset = 0;
    for (int i = outer_ - 1; i > 0; --i) {
      const auto d = static_cast<size_t>(i);
      offset += row % dims_[d] * strides_[d];
      row /= dims_[d];
    }
    return outer_ == 0 ? 0 : offset + row * strides_[0];
  }

 private:
  int64_t count_ = 0, width_;
  std::array<int64_t, Shape::max_rank> dims_{}, strides_{};
  int outer_ = 0;
};

// y[i] := f(x[i]…), or += with `add`. y may be one of the inputs.
template <class F, class T, class... In>
MELLOW_CLONES void map_range(int64_t n, F f, bool add, T* y, const In*... x) {
  if (add) {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] += f(x[i]...);
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = f(x[i]...);
  }
}

// Calls f(n, T*…) for dense ranges that together hold every element of the tensors, which have one shape and
// element type T; each may be a window.
template <class T, class F, class... Tensors>
void for_ranges(const Cpu& cpu, const char* where, F&& f, const Tensors&... x) {
  const Tensor& first = std::get<0>(std::tie(x...));
  if ((x.is_contiguous() && ...)) {
    const auto run = [&](auto*... data) {
      parallel_for(cpu, first.count(), elementwise_grain,
                   [&](int64_t begin, int64_t end) { f(end - begin, data + begin...); });
    };
    return run(x.template data<T>()...);
  }
  struct Operand {
    T* data;
    RowWalk rows;
    T* row(int64_t r) const { return data + rows.at(r); }
  };
  const auto walk = [&](const auto&... operand) {
    const RowWalk& rows = std::get<0>(std::tie(operand...)).rows;
    parallel_for(cpu, rows.count(), 1 + elementwise_grain / (rows.width() + 1),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t r = begin; r < end; ++r) f(rows.width(), operand.row(r)...);
                 });
  };
  walk(Operand{x.template data<T>(), RowWalk(where, x)}...);
}

// map_range over tensors of one shape and element type T; each may be a window.
template <class T, class F, class... In>
void map(const Cpu& cpu, const char* where, F f, bool add, const Tensor& y, const In&... x) {
  for_ranges<T>(
      cpu, where,
      [&](int64_t n, T* to, auto*... from) { map_range(n, f, add, to, static_cast<const T*>(from)...); }, y,
      x...);
}

}  // namespace mellow::cpu
