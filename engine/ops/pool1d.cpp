// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/pool1d.h"

#include "mellow/engine/internal/apply.h"

namespace mellow {
namespace {

Shape pooled(const char* where, const Tensor& x, const Pool1dOptions& o) {
  check_rank(where, x, 3, "x [batch, length, channels]");
  MELLOW_CHECK(o.width >= 1 && o.width <= 255 && o.stride >= 1, "[", where,
               "] width must be 1 … 255 and stride at least ", "1, got ", o.width, " and ", o.stride);
  MELLOW_CHECK(o.pad_left >= 0 && o.pad_right >= 0 && o.pad_left < o.width && o.pad_right < o.width, "[",
               where, "] padding must be below the width ", o.width, ", got ", o.pad_left, " + ",
               o.pad_right);
  const int64_t span = x.dim(1) + o.pad_left + o.pad_right - o.width;
  MELLOW_CHECK(span >= 0 && x.dim(1) >= 1, "[", where, "] a window of ", o.width,
               " steps is longer than the padded series of x ", x.shape());
  return {x.dim(0), span / o.stride + 1, x.dim(2)};
}

Tensor empty_winners(const Tensor& y) { return Tensor::empty(y.context(), y.shape(), DType::u8); }

}  // namespace

template <class Backend>
void MaxPool1d::forward(Backend& device, std::span<const Tensor> in, const Tensor& out) {
  if (options.keep_winners)
    winner = empty_winners(out);
  else
    x = in[0];
  max_windows(device, options, in[0], out, winner);
}

template <class Backend>
void MaxPool1d::rebuild(Backend& device, std::span<const Tensor> in, const Tensor& out) {
  if (!options.keep_winners) winner = empty_winners(out);
  max_windows(device, options, in[0], out, options.keep_winners ? Tensor() : winner);
}

template <class Backend>
void MaxPool1d::backward(Backend& device, const Tensor& dy, Gradients& gradients) {
  if (!winner.defined()) {  // y was not dropped, or nobody wanted it back
    winner = empty_winners(dy);
    max_windows(device, options, x, Tensor::empty(dy.context(), dy.shape(), dy.dtype()), winner);
  }
  x = Tensor();
  max_windows_backward(device, options, winner, dy, gradients.target(0));
}

Tensor max_pool1d(const Tensor& x, const Pool1dOptions& options) {
  return internal::apply(MaxPool1d{options, {}, {}}, {x}, pooled("max_pool1d", x, options), x.dtype());
}

Tensor avg_pool1d(const Tensor& x, const Pool1dOptions& options) {
  return internal::apply(AvgPool1d{options}, {x}, pooled("avg_pool1d", x, options), x.dtype());
}

}  // namespace mellow
