// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/pool1d.h"

#include "mellow/engine/internal/apply.h"

namespace mellow {

Shape pool1d_shape(const char* where, const Tensor& x, const Pool1dOptions& o) {
  check_rank(where, x, 3, "x [batch, length, channels]");
  MELLOW_CHECK(o.width >= 1 && o.width <= 255 && o.stride >= 1, "[", where,
               "] width must be 1 … 255 and stride at least 1, got ", o.width, " and ", o.stride);
  MELLOW_CHECK(o.pad_left >= 0 && o.pad_right >= 0 && o.pad_left < o.width && o.pad_right < o.width, "[",
               where, "] padding must be below the width ", o.width, ", got ", o.pad_left, " + ",
               o.pad_right);
  const int64_t span = x.dim(1) + o.pad_left + o.pad_right - o.width;
  MELLOW_CHECK(span >= 0 && x.dim(1) >= 1, "[", where, "] a window of ", o.width,
               " steps is longer than the padded series of x ", x.shape());
  return {x.dim(0), span / o.stride + 1, x.dim(2)};
}

template <class Backend>
void MaxPool1d::forward(Backend& device, std::span<const Tensor> in, const Tensor& out) {
  winner = Tensor::empty(out.context(), out.shape(), DType::u8);
  max_windows(device, options, in[0], out, winner);
}

template <class Backend>
void MaxPool1d::backward(Backend& device, const Tensor& dy, Gradients& gradients) {
  max_windows_backward(device, options, winner, dy, gradients.target(0));
}

Tensor max_pool1d(const Tensor& x, const Pool1dOptions& options) {
  return internal::apply(MaxPool1d{options, {}}, {x}, pool1d_shape("max_pool1d", x, options), x.dtype());
}

Tensor avg_pool1d(const Tensor& x, const Pool1dOptions& options) {
  return internal::apply(AvgPool1d{options}, {x}, pool1d_shape("avg_pool1d", x, options), x.dtype());
}

}  // namespace mellow
