// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/conv1d.h"

#include "mellow/engine/internal/apply.h"

namespace mellow {

Conv1dOptions same_padding(int64_t width, int64_t dilation) {
  MELLOW_CHECK(width >= 1 && dilation >= 1, "[same_padding] width and dilation must be at least 1, got ",
               width, " and ", dilation);
  const int64_t total = dilation * (width - 1);
  return {.dilation = dilation, .pad_left = total / 2, .pad_right = total - total / 2};
}

Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv1dOptions& options,
              const Tensor& place) {
  const auto& o = options;
  check_rank("conv1d", x, 3, "x [batch, length, channels]");
  check_rank("conv1d", weight, 3, "weight [out_channels, width, in_channels / groups]");
  check_together("conv1d", x, weight);
  MELLOW_CHECK(o.stride >= 1 && o.dilation >= 1 && o.groups >= 1 && o.pad_left >= 0 && o.pad_right >= 0,
               "[conv1d] stride ", o.stride, ", dilation ", o.dilation, ", groups ", o.groups, ", padding ",
               o.pad_left, " + ", o.pad_right, ": the first three must be at least 1, padding at least 0");
  MELLOW_CHECK(weight.dim(2) * o.groups == x.dim(2) && weight.dim(0) % o.groups == 0, "[conv1d] weight ",
               weight.shape(), " with ", o.groups, " groups does not fit x ", x.shape());
  MELLOW_CHECK(!bias.defined() || bias.shape() == Shape{weight.dim(0)}, "[conv1d] bias must be [",
               weight.dim(0), "], got ", bias.shape());
  const int64_t span = x.dim(1) + o.pad_left + o.pad_right - o.dilation * (weight.dim(1) - 1) - 1;
  MELLOW_CHECK(span >= 0 && x.dim(1) >= 1, "[conv1d] a kernel of ", weight.dim(1), " taps, dilation ",
               o.dilation, ", is longer than the padded series of x ", x.shape());
  const Shape shape = {x.dim(0), span / o.stride + 1, weight.dim(0)};
  MELLOW_CHECK(!place.defined() || (place.shape() == shape && place.dtype() == x.dtype()),
               "[conv1d] the result is ", shape, ", the place for it ", place.shape());
  const Tensor out = place.defined() ? place : Tensor::empty(x.context(), shape, x.dtype());
  const Tensor in[] = {x, weight, bias};
  return internal::apply_into(Conv1d{options, {}, {}, bias.defined()}, in, out);
}

}  // namespace mellow
