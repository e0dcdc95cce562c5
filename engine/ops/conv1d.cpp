// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/conv1d.h"

#include "mellow/engine/internal/apply.h"

namespace mellow {

Shape conv1d_shape(const Shape& x, const Tensor& weight, const Tensor& bias, const Conv1dOptions& o) {
  check_rank("conv1d", weight, 3, "weight [out_channels, width, in_channels / groups]");
  MELLOW_CHECK(o.stride >= 1 && o.dilation >= 1 && o.groups >= 1 && o.pad_left >= 0 && o.pad_right >= 0,
               "[conv1d] stride ", o.stride, ", dilation ", o.dilation, ", groups ", o.groups, ", padding ",
               o.pad_left, " + ", o.pad_right, ": the first three must be at least 1, padding at least 0");
  MELLOW_CHECK(x[2] % o.groups == 0 && weight.dim(2) == x[2] / o.groups && weight.dim(0) % o.groups == 0,
               "[conv1d] weight ", weight.shape(), " with ", o.groups, " groups does not fit x ", x);
  MELLOW_CHECK(!bias.defined() || bias.shape() == Shape{weight.dim(0)}, "[conv1d] bias must be [",
               weight.dim(0), "], got ", bias.shape());
  int64_t padded = 0, reach = 0;  // steps, and those between the first and the last tap
  const bool countable = !__builtin_add_overflow(o.pad_left, o.pad_right, &padded) &&
                         !__builtin_add_overflow(x[1], padded, &padded) &&
                         !__builtin_mul_overflow(o.dilation, weight.dim(1) - 1, &reach);
  MELLOW_CHECK(countable && reach < padded && weight.dim(1) >= 1 && x[1] >= 1, "[conv1d] a kernel of ",
               weight.dim(1), " taps, dilation ", o.dilation, ", does not fit x ", x, " padded by ",
               o.pad_left, " + ", o.pad_right);
  return {x[0], (padded - reach - 1) / o.stride + 1, weight.dim(0)};
}

Conv1dOptions same_padding(int64_t width, int64_t dilation) {
  MELLOW_CHECK(width >= 1 && dilation >= 1, "[same_padding] width and dilation must be at least 1, got ",
               width, " and ", dilation);
  int64_t total = 0;
  MELLOW_CHECK(!__builtin_mul_overflow(dilation, width - 1, &total), "[same_padding] width ", width,
               " and dilation ", dilation, " reach further than can be counted");
  return {.dilation = dilation, .pad_left = total / 2, .pad_right = total - total / 2};
}

Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv1dOptions& options,
              const Tensor& place) {
  check_rank("conv1d", x, 3, "x [batch, length, channels]");
  check_together("conv1d", x, weight);
  const Shape shape = conv1d_shape(x.shape(), weight, bias, options);
  const Tensor in[] = {x, weight, bias};
  return internal::apply_into(Conv1d{options, {}, {}, bias.defined()}, in,
                              internal::output_at(place, "conv1d", shape, x));
}

Conv1d::WeightTargets Conv1d::weight_targets(Gradients& gradients) const {
  WeightTargets to{};
  if (gradients.wanted(1)) to.weight = gradients.target(1);
  if (has_bias && gradients.wanted(2)) to.bias = gradients.target(2);
  return to;
}

template <class Backend>
void Conv1d::backward(Backend& device, const Tensor& dy, Gradients& gradients) {
  weight_gradients(device, dy, weight_targets(gradients));
  x = Tensor();  // whose memory may serve dx
  if (gradients.wanted(0)) data_gradient(device, dy, gradients.target(0));
}

}  // namespace mellow
