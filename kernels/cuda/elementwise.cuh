// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/autograd/tape.h"
#include "mellow/kernels/cuda/divide.cuh"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/operand.h"

// Elementwise work on tensors and windows of them: one thread per element.
namespace mellow::cuda {

// Where the elements of a window lie. Dimensions that follow each other evenly are merged: a contiguous
// tensor has one, a channel window of it two.
struct Walk {
  int rank = 0;
  int64_t dims[Shape::max_rank] = {}, strides[Shape::max_rank] = {};

  explicit Walk(const Tensor& x) {
    for (int i = 0; i < x.rank(); ++i) {
      if (x.dim(i) == 1) continue;
      if (rank > 0 && strides[rank - 1] == x.stride(i) * x.dim(i)) {
        dims[rank - 1] *= x.dim(i);
        strides[rank - 1] = x.stride(i);
      } else {
        dims[rank] = x.dim(i);
        strides[rank++] = x.stride(i);
      }
    }
  }

  // Elements from the first of the tensor to number i, row-major.
  __device__ int64_t operator()(int64_t i) const {
    if (rank == 1) return i * strides[0];
    int64_t offset = 0;
#pragma unroll  // constant indices keep the arrays out of local memory
    for (int d = Shape::max_rank - 1; d > 0; --d) {
      if (d >= rank) continue;
      const int64_t above = divide(i, dims[d]);
      offset += (i - above * dims[d]) * strides[d];
      i = above;
    }
    return rank == 0 ? 0 : offset + i * strides[0];
  }
};

// An array and where its elements lie.
struct Reading {
  const float* data;
  Walk walk;
  Reading(const char* where, const Tensor& x) : data(f32(where, x)), walk(x) {}
  __device__ float operator[](int64_t i) const { return data[walk(i)]; }
};
struct Writing {
  float* data;
  Walk walk;
  bool add;  // to what is there
  Writing(const char* where, const Tensor& x, bool adds) : data(f32(where, x)), walk(x), add(adds) {}
  __device__ void put(int64_t i, float value) const {
    float& place = data[walk(i)];
    place = add ? place + value : value;
  }
};

struct Identity {
  __device__ float operator()(float x) const { return x; }
};

// Thread i: y[i] (+)= f(x[i]…).
template <class F, class... X>
__global__ void map_kernel(int64_t n, F f, Writing y, X... x) {
  const int64_t i = thread_index();
  if (i < n) y.put(i, f(x[i]...));
}
template <class F, class... X>
void launch_map(Cuda& cuda, int64_t n, F f, const Writing& y, const X&... x) {
  launch_1d(cuda, map_kernel<F, X...>, n, f, y, x...);
}

// y := f(x…), or += with `add`; y may be one of the inputs. F is a struct with a device call operator; all
// shapes agree.
template <class F, class... In>
void map(Cuda& cuda, const char* where, F f, const Tensor& y, bool add, const In&... x) {
  launch_map(cuda, y.count(), f, Writing(where, y, add), Reading(where, x)...);
}

// The gradient f(dy, x…) of an op with one input, where it is wanted.
template <class F, class... In>
void map_gradient(Cuda& cuda, const char* where, F f, Gradients& gradients, const Tensor& dy,
                  const In&... x) {
  if (!gradients.wanted(0)) return;
  const Gradients::Target dx = gradients.reuse(0, dy);
  map(cuda, where, f, dx.place, dx.add, dy, x...);
}

}  // namespace mellow::cuda
