// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "mellow/engine/autograd/tape.h"
#include "mellow/kernels/cuda/divide.cuh"
#include "mellow/kernels/cuda/floats.cuh"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/operand.h"

// Elementwise work on tensors and windows of them: one thread per element, or per four where memory allows.
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

  // Whether the elements come in fours that are neighbours in memory, from multiples of four on.
  bool has_quads() const {
    if (rank == 0 || strides[rank - 1] != 1 || dims[rank - 1] % 4 != 0) return false;
    return std::all_of(strides, strides + rank - 1, [](int64_t stride) { return stride % 4 == 0; });
  }
  // The walk over these fours.
  Walk quads() const {
    Walk w = *this;
    w.dims[rank - 1] /= 4;
    for (int d = 0; d < rank - 1; ++d) w.strides[d] /= 4;
    return w;
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
  bool has_quads() const { return walk.has_quads() && in_fours(data, {}); }
  Reading quads() const { return {data, walk.quads()}; }
  __device__ float operator[](int64_t i) const { return data[walk(i)]; }
  template <int width>
  __device__ Floats<width> load(int64_t i) const {
    return floats_at<width>(data)[walk(i)];
  }

 private:
  Reading(const float* from, const Walk& of) : data(from), walk(of) {}
};
struct Writing {
  float* data;
  Walk walk;
  bool add;  // to what is there
  Writing(const char* where, const Tensor& x, bool adds) : data(f32(where, x)), walk(x), add(adds) {}
  bool has_quads() const { return walk.has_quads() && in_fours(data, {}); }
  Writing quads() const { return {data, walk.quads(), add}; }
  __device__ void put(int64_t i, float value) const { put(i, Floats<1>{{value}}); }
  template <int width>
  __device__ void put(int64_t i, const Floats<width>& value) const {
    store(floats_at<width>(data)[walk(i)], value, add);
  }

 private:
  Writing(float* to, const Walk& of, bool adds) : data(to), walk(of), add(adds) {}
};

struct Identity {
  __device__ float operator()(float x) const { return x; }
};

template <int width, class F, class... X>
__device__ Floats<width> each(const F& f, const X&... x) {
  Floats<width> y;
#pragma unroll
  for (int k = 0; k < width; ++k) y.at[k] = f(x.at[k]...);
  return y;
}

// Thread i: y[i] (+)= f(x[i]…), an element or four.
template <int width, class F, class... X>
__global__ void map_kernel(int64_t n, F f, Writing y, X... x) {
  const int64_t i = thread_index();
  if (i < n) y.put(i, each<width>(f, x.template load<width>(i)...));
}

// wide(n / 4, …) where every Reading and Writing among the arguments has fours, else narrow(n, …).
template <class... P, class... A>
void launch_elements(Cuda& cuda, void (*narrow)(int64_t, P...), void (*wide)(int64_t, P...), int64_t n,
                     const A&... args) {
  const auto has_quads = [](const auto& arg) {
    if constexpr (requires { arg.quads(); }) return arg.has_quads();
    return true;
  };
  const auto quads = [](const auto& arg) {
    if constexpr (requires { arg.quads(); })
      return arg.quads();
    else
      return arg;
  };
  if ((has_quads(args) && ...))
    launch_1d(cuda, wide, n / 4, quads(args)...);
  else
    launch_1d(cuda, narrow, n, args...);
}

template <class F, class... X>
void launch_map(Cuda& cuda, int64_t n, F f, const Writing& y, const X&... x) {
  launch_elements(cuda, map_kernel<1, F, X...>, map_kernel<4, F, X...>, n, f, y, x...);
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
