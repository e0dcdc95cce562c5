// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/conv1d_of.h"

#include <algorithm>
#include <type_traits>

#include "mellow/engine/internal/apply.h"
#include "mellow/engine/ops/pointwise.h"

namespace mellow {
namespace {

// Series of a batch that are worked on together.
struct Series {
  int64_t begin, end;
  int64_t count() const { return end - begin; }
  Tensor of(const Tensor& x) const { return x.window(0, begin, end); }
};

// Calls f(series) for nearly equal parts of the batch, `most` series or fewer each.
template <class F>
void for_series(int64_t batch, int64_t most, F&& f) {
  const int64_t parts = std::max<int64_t>(1, (batch + most - 1) / most);
  for (int64_t i = 0; i < parts; ++i) f(Series{batch * i / parts, batch * (i + 1) / parts});
}

// How many series of x fit into the second-level caches beside their pools. A GPU takes all.
template <class Backend>
int64_t series_at_once(const Backend& device, const Tensor& x) {
  if constexpr (std::is_same_v<Backend, Cpu>) {
    constexpr int64_t bytes_per_thread = 256 * 1024;
    const int64_t each = x.dim(1) * x.dim(2) * static_cast<int64_t>(size_of(x.dtype()));
    return std::clamp<int64_t>(device.threads() * bytes_per_thread / std::max<int64_t>(1, each), 1,
                               std::max<int64_t>(1, x.dim(0)));
  } else {
    return x.dim(0);
  }
}

// Where the pools of `most` series go.
Tensor room_for(int64_t most, const Tensor& x, const Pool1dOptions& pool) {
  const Shape whole = pool1d_shape("conv1d_of_max_pool", x, pool);
  return Tensor::empty(x.context(), {most, whole[1], whole[2]}, x.dtype());
}

}  // namespace

Tensor conv1d_of_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias,
                      const Conv1dOptions& options) {
  check_rank("conv1d_of_gelu", x, 3, "x [batch, length, channels]");
  check_together("conv1d_of_gelu", x, weight);
  GeluConv1d op{.conv = {options, {}, {}, bias.defined()}, .x = {}};
  return internal::apply(std::move(op), {x, weight, bias}, conv1d_shape(x.shape(), weight, bias, options),
                         x.dtype());
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
    conv.x = dx.add ? of_gelu : Gradients::is_last_reader(x) ? x : like_x();
    gelu_with_gradient(device, x, of_gelu, conv.x, dx);
  } else {
    conv.x = like_x();
    Gelu{}.forward(device, std::span(&x, 1), conv.x);
  }
  x = Tensor();
  conv.weight_gradients(device, dy, conv.weight_targets(gradients));
}

Tensor conv1d_of_max_pool(const Tensor& x, const Pool1dOptions& pool, const Tensor& weight,
                          const Tensor& bias, const Conv1dOptions& options, const Tensor& place) {
  check_together("conv1d_of_max_pool", x, weight);
  const Shape shape = conv1d_shape(pool1d_shape("conv1d_of_max_pool", x, pool), weight, bias, options);
  const Tensor in[] = {x, weight, bias};
  return internal::apply_into(PooledConv1d{pool, {options, {}, {}, bias.defined()}, {}}, in,
                              internal::output_at(place, "conv1d_of_max_pool", shape, x));
}

template <class Backend>
void PooledConv1d::forward(Backend& device, std::span<const Tensor> in, const Tensor& out) {
  x = in[0];
  const int64_t most = series_at_once(device, x);
  const Tensor room = room_for(most, x, pool);
  for_series(x.dim(0), most, [&](const Series& series) {
    const Tensor given[] = {room.window(0, 0, series.count()), in[1], in[2]};
    max_windows(device, pool, series.of(x), given[0], {});
    conv.forward(device, given, series.of(out));
  });
  conv.x = Tensor();
}

template <class Backend>
void PooledConv1d::backward(Backend& device, const Tensor& dy, Gradients& gradients) {
  const bool inner = gradients.wanted(0);
  const Gradients::Target dx = inner ? gradients.target(0) : Gradients::Target{};
  Conv1d::WeightTargets to = conv.weight_targets(gradients);
  const int64_t most = series_at_once(device, x);
  const Tensor room = room_for(most, x, pool), winners = Tensor::empty(x.context(), room.shape(), DType::u8);
  for_series(x.dim(0), most, [&](const Series& series) {
    const Tensor up = series.of(dy), winner = winners.window(0, 0, series.count());
    conv.x = room.window(0, 0, series.count());
    max_windows(device, pool, series.of(x), conv.x, winner);
    conv.weight_gradients(device, up, to);
    to.weight.add = to.bias.add = true;
    if (!inner) return;
    conv.data_gradient(device, up, {conv.x, false});
    max_windows_backward(device, pool, winner, conv.x, {series.of(dx.place), dx.add});
  });
}

}  // namespace mellow
