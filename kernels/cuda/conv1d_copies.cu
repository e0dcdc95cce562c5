// SPDX-License-Identifier: MIT
#include <type_traits>

#include "mellow/kernels/cuda/bf16.cuh"
#include "mellow/kernels/cuda/conv1d_pass.h"
#include "mellow/kernels/cuda/divide.cuh"
#include "mellow/kernels/cuda/floats.cuh"
#include "mellow/kernels/cuda/launch.cuh"

namespace mellow::cuda {
namespace {

template <class T>
__device__ T stored(float value) {
  if constexpr (std::is_same_v<T, bfloat16>)
    return rounded(value);
  else
    return value;
}
__device__ float loaded(float value) { return value; }
__device__ float loaded(bfloat16 value) { return widened(value); }

struct Place {
  int64_t item, step, channel;
  // Of element i, row-major.
  __device__ Place(int64_t i, int64_t steps, int64_t channels) {
    const int64_t row = divide(i, channels);
    item = divide(row, steps);
    step = row - item * steps;
    channel = i - row * channels;
  }
};

// `width` neighbours of a packed array.
template <class T, int width>
struct alignas(width * sizeof(T)) Values {
  T at[width];
};

// One thread per `width` neighbouring channels of the packed array, whose items have `steps` steps.
template <int width, class T>
__global__ void pack_kernel(int64_t n, Plane from, int64_t before, int64_t steps, T* to) {
  const int64_t i = thread_index();
  if (i >= n) return;
  const Place at(i * width, steps, from.channels);
  const int64_t step = at.step - before;
  Floats<width> read = {};
  if (step >= 0 && step < from.steps)
    read = *floats_at<width>(from.data + at.item * from.item_stride + step * from.step_stride + at.channel);
  Values<T, width> values;
#pragma unroll
  for (int k = 0; k < width; ++k) values.at[k] = stored<T>(read.at[k]);
  reinterpret_cast<Values<T, width>*>(to)[i] = values;
}

// One thread per `width` neighbouring channels of the plane.
template <int width, class T>
__global__ void unpack_kernel(int64_t n, const T* from, int64_t before, int64_t steps, Plane to, bool add) {
  const int64_t i = thread_index();
  if (i >= n) return;
  const Place at(i * width, to.steps, to.channels);
  const auto values = *reinterpret_cast<const Values<T, width>*>(
      from + (at.item * steps + before + at.step) * to.channels + at.channel);
  Floats<width> read;
#pragma unroll
  for (int k = 0; k < width; ++k) read.at[k] = loaded(values.at[k]);
  store(*floats_at<width>(to.data + at.item * to.item_stride + at.step * to.step_stride + at.channel), read,
        add);
}

// One thread per element of the packed array.
__global__ void flip_kernel(int64_t n, Plane w, float* to) {
  const int64_t i = thread_index();
  if (i >= n) return;
  const Place at(i, w.steps, w.items);
  to[i] = w.data[at.channel * w.item_stride + (w.steps - 1 - at.step) * w.step_stride + at.item];
}

bool has_quads(const Plane& p) { return in_fours(p.data, {p.channels, p.step_stride, p.item_stride}); }

}  // namespace

template <class T>
void pack(Cuda& cuda, const Plane& from, const Margins& margins, T* to) {
  const int64_t steps = margins.before + from.steps + margins.behind;
  const int width = has_quads(from) ? 4 : 1;
  launch_1d(cuda, width == 4 ? pack_kernel<4, T> : pack_kernel<1, T>,
            from.items * steps * from.channels / width, from, margins.before, steps, to);
}
template <class T>
void unpack(Cuda& cuda, const T* from, const Margins& margins, const Plane& to, bool add) {
  const int width = has_quads(to) ? 4 : 1;
  launch_1d(cuda, width == 4 ? unpack_kernel<4, T> : unpack_kernel<1, T>, to.count() / width, from,
            margins.before, margins.before + to.steps + margins.behind, to, add);
}

void flip(Cuda& cuda, const Plane& w, float* to) { launch_1d(cuda, flip_kernel, w.count(), w, to); }

template void pack(Cuda&, const Plane&, const Margins&, float*);
template void pack(Cuda&, const Plane&, const Margins&, bfloat16*);
template void unpack(Cuda&, const float*, const Margins&, const Plane&, bool);
template void unpack(Cuda&, const bfloat16*, const Margins&, const Plane&, bool);

}  // namespace mellow::cuda
