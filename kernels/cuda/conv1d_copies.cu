// SPDX-License-Identifier: MIT
#include <type_traits>

#include "mellow/kernels/cuda/bf16.cuh"
#include "mellow/kernels/cuda/conv1d_pass.h"
#include "mellow/kernels/cuda/divide.cuh"
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

// One thread per element of the packed array, whose items have `steps` steps.
template <class T>
__global__ void pack_kernel(int64_t n, Plane from, int64_t before, int64_t steps, T* to) {
  const int64_t i = thread_index();
  if (i >= n) return;
  const Place at(i, steps, from.channels);
  const int64_t step = at.step - before;
  const bool inside = step >= 0 && step < from.steps;
  to[i] =
      stored<T>(inside ? from.data[at.item * from.item_stride + step * from.step_stride + at.channel] : 0.0f);
}

// One thread per element of the plane.
template <class T>
__global__ void unpack_kernel(int64_t n, const T* from, int64_t before, int64_t steps, Plane to, bool add) {
  const int64_t i = thread_index();
  if (i >= n) return;
  const Place at(i, to.steps, to.channels);
  const float value = loaded(from[(at.item * steps + before + at.step) * to.channels + at.channel]);
  float& place = to.data[at.item * to.item_stride + at.step * to.step_stride + at.channel];
  place = add ? place + value : value;
}

}  // namespace

template <class T>
void pack(Cuda& cuda, const Plane& from, const Margins& margins, T* to) {
  const int64_t steps = margins.before + from.steps + margins.behind;
  launch_1d(cuda, pack_kernel<T>, from.items * steps * from.channels, from, margins.before, steps, to);
}
template <class T>
void unpack(Cuda& cuda, const T* from, const Margins& margins, const Plane& to, bool add) {
  launch_1d(cuda, unpack_kernel<T>, to.count(), from, margins.before,
            margins.before + to.steps + margins.behind, to, add);
}

template void pack(Cuda&, const Plane&, const Margins&, float*);
template void pack(Cuda&, const Plane&, const Margins&, bfloat16*);
template void unpack(Cuda&, const float*, const Margins&, const Plane&, bool);
template void unpack(Cuda&, const bfloat16*, const Margins&, const Plane&, bool);

}  // namespace mellow::cuda
