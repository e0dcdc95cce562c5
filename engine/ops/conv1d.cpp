// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/conv1d.h"

#include "mellow/engine/internal/apply.h"
#include "mellow/engine/ops/pointwise.h"

namespace mellow {
namespace {

// Of the result; throws when the arguments do not fit each other.
Shape shape_of(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv1dOptions& o) {
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
  return {x.dim(0), span / o.stride + 1, weight.dim(0)};
}

}  // namespace

Conv1dOptions same_padding(int64_t width, int64_t dilation) {
  MELLOW_CHECK(width >= 1 && dilation >= 1, "[same_padding] width and dilation must be at least 1, got ",
               width, " and ", dilation);
  const int64_t total = dilation * (width - 1);
  return {.dilation = dilation, .pad_left = total / 2, .pad_right = total - total / 2};
}

Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv1dOptions& options,
              const Tensor& place) {
  const Shape shape = shape_of(x, weight, bias, options);
  MELLOW_CHECK(!place.defined() || (place.shape() == shape && place.dtype() == x.dtype()),
               "[conv1d] the result is ", shape, ", the place for it ", place.shape());
  const Tensor out = place.defined() ? place : Tensor::empty(x.context(), shape, x.dtype());
  const Tensor in[] = {x, weight, bias};
  return internal::apply_into(Conv1d{options, {}, {}, bias.defined()}, in, out);
}

Tensor conv1d_of_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias,
                      const Conv1dOptions& options) {
  GeluConv1d op{.conv = {options, {}, {}, bias.defined()}};
  return internal::apply(std::move(op), {x, weight, bias}, shape_of(x, weight, bias, options), x.dtype());
}

template <class Backend>
void Conv1d::backward(Backend& device, const Tensor& dy, Gradients& gradients) {
  weight_gradients(device, dy, gradients);
  x = Tensor();  // whose memory may serve dx
  if (gradients.wanted(0)) data_gradient(device, dy, gradients.target(0));
}

template <class Backend>
void GeluConv1d::forward(Backend& device, std::span<const Tensor> in, const Tensor& out) {
  x = in[0];
  const Tensor y = Tensor::empty(x.context(), x.shape(), x.dtype());
  const Tensor given[] = {y, in[1], in[2]};
  Gelu{}.forward(device, in, y);
  conv.forward(device, given, out);
  conv.x = Tensor();
}

template <class Backend>
void GeluConv1d::backward(Backend& device, const Tensor& dy, Gradients& gradients) {
  const auto like_x = [&] { return Tensor::empty(x.context(), x.shape(), x.dtype()); };
  if (gradients.wanted(0)) {
    const Gradients::Target dx = gradients.target(0);
    const Tensor of_gelu = dx.add ? like_x() : dx.place;
    conv.data_gradient(device, dy, {of_gelu, false});
    conv.x = dx.add ? of_gelu : like_x();
    gelu_with_gradient(device, x, of_gelu, conv.x, dx);
  } else {
    conv.x = like_x();
    Gelu{}.forward(device, std::span(&x, 1), conv.x);
  }
  x = Tensor();
  conv.weight_gradients(device, dy, gradients);
}

}  // namespace mellow
