// SPDX-License-Identifier: MIT
// Writes each pass of a convolution as window products (window_product.h), one per group.
#include <numeric>
#include <type_traits>

#include "mellow/engine/core/error.h"
#include "mellow/kernels/cpu/conv1d_kernels.h"
#include "mellow/kernels/cpu/window_product.h"

namespace mellow::cpu {
namespace {

template <class T>
void check(const Conv1dSizes& s, const KernelOptions& options) {
  MELLOW_CHECK(s.batch >= 0 && s.in_length >= 0 && s.out_length >= 0, "[conv1d] negative size: batch ",
               s.batch, ", lengths ", s.in_length, " and ", s.out_length);
  MELLOW_CHECK(s.in_channels > 0 && s.out_channels > 0 && s.width > 0 && s.stride > 0 && s.dilation > 0,
               "[conv1d] channels ", s.in_channels, " and ", s.out_channels, ", width ", s.width, ", stride ",
               s.stride, " and dilation ", s.dilation, " must be at least 1");
  MELLOW_CHECK(s.groups > 0 && s.in_channels % s.groups == 0 && s.out_channels % s.groups == 0, "[conv1d] ",
               s.in_channels, " and ", s.out_channels, " channels do not divide into ", s.groups, " groups");
  MELLOW_CHECK(s.x_row >= s.in_channels && s.y_row >= s.out_channels, "[conv1d] row strides ", s.x_row,
               " and ", s.y_row, " are below the channels ", s.in_channels, " and ", s.out_channels);
  check_options(options, std::is_same_v<T, float>, "conv1d");
}

// Group g of the convolution from the side of its input: what forward and the gradient of the weights share.
template <class W, class T>
W over_input(const Conv1dSizes& s, int64_t g, const T* x) {
  W w{};
  w.batch = s.batch;
  w.rows = s.out_length;
  w.taps = s.width;
  w.depth = s.in_channels / s.groups;
  w.columns = s.out_channels / s.groups;
  w.step = s.stride;
  w.first = -s.pad_left;
  w.dilation = s.dilation;
  w.x = x + g * w.depth;
  w.length = s.in_length;
  w.x_row = s.x_row;
  w.x_batch = s.x_batch;
  w.w_tap = w.depth;
  w.w_column = s.width * w.depth;
  return w;
}

template <class T>
Window<T> forward_window(const Conv1dSizes& s, int64_t g, const T* x, const T* w, const T* bias, T* y) {
  auto window = over_input<Window<T>>(s, g, x);
  const int64_t column = g * window.columns;
  window.w = w + column * window.w_column;
  window.w_depth = 1;
  window.bias = bias ? bias + column : nullptr;
  window.y = y + column;
  window.y_row = s.y_row;
  window.y_batch = s.y_batch;
  return window;
}

// Backward data as a product over dy. Input step i gets tap j of output step t where t * stride = i + pad - j
// * dilation. For the steps i = phase, phase + stride, … only every (stride / g)-th tap from `tap` on
// divides, g = gcd(stride, dilation), and t falls by dilation / g from one such tap to the next: a window of
// step 1 over dy with the taps reversed.
template <class T>
Window<T> backward_data_window(const Conv1dSizes& s, int64_t group, int64_t phase, const T* dy, const T* w,
                               T* dx) {
  const int64_t depth = s.out_channels / s.groups, columns = s.in_channels / s.groups;
  const int64_t g = std::gcd(s.stride, s.dilation), tap_step = s.stride / g;
  int64_t tap = 0;
  while (tap < tap_step && (phase + s.pad_left - tap * s.dilation) % s.stride != 0) ++tap;
  const int64_t taps = tap < tap_step && tap < s.width ? ceil_div(s.width - tap, tap_step) : 0;
  const int64_t last_tap = tap + std::max<int64_t>(taps - 1, 0) * tap_step;
  const T* first_weight = w + group * depth * s.width * columns + last_tap * columns;
  return {.batch = s.batch,
          .rows = phase < s.in_length ? ceil_div(s.in_length - phase, s.stride) : 0,
          .taps = taps,
          .depth = depth,
          .columns = columns,
          .first = floor_div(phase + s.pad_left - last_tap * s.dilation, s.stride),
          .dilation = s.dilation / g,
          .x = dy + group * depth,
          .length = s.out_length,
          .x_row = s.y_row,
          .x_batch = s.y_batch,
          .w = taps > 0 ? first_weight : w,
          .w_tap = -tap_step * columns,
          .w_depth = s.width * columns,
          .w_column = 1,
          .y = dx + phase * s.x_row + group * columns,
          .y_row = s.stride * s.x_row,
          .y_batch = s.x_batch};
}

template <class T>
WindowGradient<T> weights_gradient(const Conv1dSizes& s, int64_t g, const T* x, const T* dy, T* dw,
                                   T* dbias) {
  auto gradient = over_input<WindowGradient<T>>(s, g, x);
  const int64_t column = g * gradient.columns;
  gradient.dy = dy + column;
  gradient.dy_row = s.y_row;
  gradient.dy_batch = s.y_batch;
  gradient.dw = dw + column * gradient.w_column;
  gradient.dbias = dbias ? dbias + column : nullptr;
  return gradient;
}

// A convolution of one tap sees no series: where no gaps lie between them, all are one long one, which fills
// register tiles better.
Conv1dSizes joined(Conv1dSizes s) {
  if (s.batch == 0 || s.width != 1 || s.stride != 1 || s.pad_left != 0 || s.in_length != s.out_length ||
      s.x_batch != s.in_length * s.x_row || s.y_batch != s.out_length * s.y_row)
    return s;
  s.in_length = s.out_length = s.batch * s.in_length;
  s.batch = 1;
  return s;
}

// The groups of a convolution, and the phases of a strided one, run one after another in the same workspace.
template <class T>
size_t workspace_of(Conv1dPass pass, const Conv1dSizes& s, const KernelOptions& options) {
  size_t most = 0;
  const T* in = nullptr;
  T* out = nullptr;
  for (int64_t phase = 0; phase < (pass == Conv1dPass::backward_data ? s.stride : 1); ++phase) {
    Arena arena;
    if (pass == Conv1dPass::forward) window_product(forward_window<T>(s, 0, in, in, in, out), options, arena);
    if (pass == Conv1dPass::backward_data)
      window_product(backward_data_window<T>(s, 0, phase, in, in, out), options, arena);
    if (pass == Conv1dPass::backward_weights)
      window_gradient(weights_gradient<T>(s, 0, in, in, out, out), options, arena);
    most = std::max(most, arena.used());
  }
  return most;
}

// The threads one group of a pass is worth.
KernelOptions team_for(const Conv1dSizes& s, const KernelOptions& options) {
  const double weights =
      double(s.in_channels / s.groups) * double(s.out_channels / s.groups) * double(s.width);
  return with_threads_for(weights * double(s.batch) * double(s.out_length), options);
}

template <class T>
void check_call(Conv1dPass pass, const Conv1dSizes& s, const KernelOptions& options) {
  const size_t needed = conv1d_workspace<T>(pass, s, options);
  check_workspace(options, needed, "conv1d");
}

}  // namespace

template <class T>
size_t conv1d_workspace(Conv1dPass pass, const Conv1dSizes& sizes, const KernelOptions& options) {
  check<T>(sizes, options);
  return workspace_of<T>(pass, joined(sizes), team_for(sizes, options));
}

template <class T>
void conv1d_forward(const Conv1dSizes& given, const T* x, const T* w, const T* bias, T* y,
                    const KernelOptions& options) {
  check_call<T>(Conv1dPass::forward, given, options);
  const Conv1dSizes sizes = joined(given);
  const KernelOptions team = team_for(sizes, options);
  for (int64_t g = 0; g < sizes.groups; ++g) {
    Arena arena(options.workspace);
    window_product(forward_window(sizes, g, x, w, bias, y), team, arena);
  }
}

template <class T>
void conv1d_backward_data(const Conv1dSizes& given, const T* dy, const T* w, T* dx, bool accumulate,
                          const KernelOptions& options) {
  check_call<T>(Conv1dPass::backward_data, given, options);
  const Conv1dSizes sizes = joined(given);
  const KernelOptions team = team_for(sizes, options);
  for (int64_t g = 0; g < sizes.groups; ++g) {
    for (int64_t phase = 0; phase < sizes.stride; ++phase) {
      Window<T> window = backward_data_window(sizes, g, phase, dy, w, dx);
      window.accumulate = accumulate;
      Arena arena(options.workspace);
      window_product(window, team, arena);
    }
  }
}

template <class T>
void conv1d_backward_weights(const Conv1dSizes& given, const T* x, const T* dy, T* dw, T* dbias,
                             bool accumulate, const KernelOptions& options) {
  check_call<T>(Conv1dPass::backward_weights, given, options);
  const Conv1dSizes sizes = joined(given);
  const KernelOptions team = team_for(sizes, options);
  for (int64_t g = 0; g < sizes.groups; ++g) {
    WindowGradient<T> gradient = weights_gradient(sizes, g, x, dy, dw, dbias);
    gradient.accumulate = accumulate;
    Arena arena(options.workspace);
    window_gradient(gradient, team, arena);
  }
}

template size_t conv1d_workspace<float>(Conv1dPass, const Conv1dSizes&, const KernelOptions&);
template size_t conv1d_workspace<double>(Conv1dPass, const Conv1dSizes&, const KernelOptions&);
template void conv1d_forward(const Conv1dSizes&, const float*, const float*, const float*, float*,
                             const KernelOptions&);
template void conv1d_forward(const Conv1dSizes&, const double*, const double*, const double*, double*,
                             const KernelOptions&);
template void conv1d_backward_data(const Conv1dSizes&, const float*, const float*, float*, bool,
                                   const KernelOptions&);
template void conv1d_backward_data(const Conv1dSizes&, const double*, const double*, double*, bool,
                                   const KernelOptions&);
template void conv1d_backward_weights(const Conv1dSizes&, const float*, const float*, float*, float*, bool,
                                      const KernelOptions&);
template void conv1d_backward_weights(const Conv1dSizes&, const double*, const double*, double*, double*,
                                      bool, const KernelOptions&);

}  // namespace mellow::cpu
