// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/softmax.h"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/operand.h"
#include "mellow/kernels/cuda/reduce.cuh"

namespace mellow {
namespace {

constexpr int rows_per_block = cuda::block_size / cuda::warp_size;

// One warp per row of [rows, classes]; rows may be further apart than they are wide.
struct WarpRow {
  int64_t row;
  int lane;
  __device__ WarpRow()
      : row(int64_t{blockIdx.x} * rows_per_block + threadIdx.x / cuda::warp_size),
        lane(static_cast<int>(threadIdx.x) % cuda::warp_size) {}
};

// y := softmax(x), or its logarithm. x is read three times: the second and third come from the cache.
__global__ void softmax_forward(const float* x, cuda::Rows from, float* y, cuda::Rows to, bool logarithm) {
  const WarpRow at;
  if (at.row >= to.count) return;  // the whole warp
  x += at.row * from.stride;
  y += at.row * to.stride;
  float top = -INFINITY;
  for (int64_t c = at.lane; c < to.width; c += cuda::warp_size) top = fmaxf(top, x[c]);
  top = cuda::warp_max(top);
  float sum = 0;
  for (int64_t c = at.lane; c < to.width; c += cuda::warp_size) sum += expf(x[c] - top);
  const float log_sum = logf(cuda::warp_sum(sum));
  for (int64_t c = at.lane; c < to.width; c += cuda::warp_size) {
    const float log_p = x[c] - top - log_sum;
    y[c] = logarithm ? log_p : expf(log_p);
  }
}

// softmax: dx (+)= y (dy − Σ dy y); log-softmax: dx (+)= dy − exp(y) Σ dy.
__global__ void softmax_backward(const float* y, cuda::Rows kept, const float* dy, cuda::Rows up, float* dx,
                                 cuda::Rows to, bool add, bool logarithm) {
  const WarpRow at;
  if (at.row >= to.count) return;  // the whole warp
  y += at.row * kept.stride;
  dy += at.row * up.stride;
  dx += at.row * to.stride;
  float sum = 0;
  for (int64_t c = at.lane; c < to.width; c += cuda::warp_size) sum += logarithm ? dy[c] : dy[c] * y[c];
  sum = cuda::warp_sum(sum);
  for (int64_t c = at.lane; c < to.width; c += cuda::warp_size) {
    const float value = logarithm ? dy[c] - expf(y[c]) * sum : y[c] * (dy[c] - sum);
    dx[c] = add ? dx[c] + value : value;
  }
}

void softmax_rows(Cuda& cuda, const char* where, const Tensor& x, const Tensor& y, bool logarithm) {
  const cuda::Rows to = cuda::rows_of(where, y);
  cuda::launch_grid(cuda, softmax_forward, dim3(cuda::blocks_for(to.count, rows_per_block)), cuda::block_size,
                    0, cuda::f32(where, x), cuda::rows_of(where, x), cuda::f32(where, y), to, logarithm);
}

void softmax_gradient(Cuda& cuda, const char* where, const Tensor& y, const Tensor& dy, Gradients& gradients,
                      bool logarithm) {
  const auto [dx, add] = gradients.target(0);
  const cuda::Rows to = cuda::rows_of(where, dx);
  cuda::launch_grid(cuda, softmax_backward, dim3(cuda::blocks_for(to.count, rows_per_block)),
                    cuda::block_size, 0, cuda::f32(where, y), cuda::rows_of(where, y), cuda::f32(where, dy),
                    cuda::rows_of(where, dy), cuda::f32(where, dx), to, add, logarithm);
}

}  // namespace

void Softmax::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  y = out;
  softmax_rows(cuda, "softmax", in[0], out, false);
}
void Softmax::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  softmax_gradient(cuda, "softmax", y, dy, gradients, false);
}

void LogSoftmax::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  y = out;
  softmax_rows(cuda, "log_softmax", in[0], out, true);
}
void LogSoftmax::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  softmax_gradient(cuda, "log_softmax", y, dy, gradients, true);
}

}  // namespace mellow
