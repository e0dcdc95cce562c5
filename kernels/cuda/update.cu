// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/update.h"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/operand.h"
#include "mellow/kernels/update_checks.h"

namespace mellow {
namespace {

struct Adam {
  double beta1, beta2, decay;
  float eps;
  bool keras;
};

// One thread per weight of [n].
__global__ void adam_kernel(int64_t n, float* weight, const float* gradient, float* first, float* second,
                            const float* rate, const int64_t* step, Adam a) {
  // w := shrink · w − size · m / (root · sqrt(v) + eps); double once per block, 1 − βᵗ would lose digits in
  // float.
  __shared__ float shrink, size, root;
  if (threadIdx.x == 0) {
    const double t = static_cast<double>(*step), lr = static_cast<double>(*rate);
    const double correct1 = 1 - pow(a.beta1, t), correct2 = 1 - pow(a.beta2, t);
    shrink = static_cast<float>(1 - lr * a.decay);
    size = static_cast<float>(a.keras ? lr * sqrt(correct2) / correct1 : lr / correct1);
    root = static_cast<float>(a.keras ? 1.0 : 1 / sqrt(correct2));
  }
  __syncthreads();
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  const float g = gradient[i];
  const float m = static_cast<float>(a.beta1) * first[i] + static_cast<float>(1 - a.beta1) * g;
  const float v = static_cast<float>(a.beta2) * second[i] + static_cast<float>(1 - a.beta2) * g * g;
  first[i] = m;
  second[i] = v;
  weight[i] = shrink * weight[i] - size * m / (root * sqrtf(v) + a.eps);
}

struct Sgd {
  float momentum, decay;
  bool nesterov;
};

// One thread per weight of [n]; velocity is null without momentum.
__global__ void sgd_kernel(int64_t n, float* weight, const float* gradient, float* velocity,
                           const float* rate, const int64_t* step, Sgd s) {
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  const float g = gradient[i] + s.decay * weight[i];
  float direction = g;
  if (velocity != nullptr) {
    const float v = *step == 1 ? g : s.momentum * velocity[i] + g;  // step 1 does not read the velocity
    velocity[i] = v;
    direction = s.nesterov ? s.momentum * v + g : v;
  }
  weight[i] -= *rate * direction;
}

// One thread per weight of [n].
__global__ void average_kernel(int64_t n, float* average, const float* weight, const int64_t* updates) {
  const int64_t i = cuda::thread_index();
  if (i < n) average[i] += (weight[i] - average[i]) / static_cast<float>(*updates + 1);
}

// One thread per weight of [n].
__global__ void follow_kernel(int64_t n, float* average, const float* weight, const int64_t* step,
                              double decay) {
  const int64_t i = cuda::thread_index();
  const double kept = fmin(1 - 1 / static_cast<double>(*step + 1), decay);
  if (i < n) average[i] = static_cast<float>(kept) * average[i] + static_cast<float>(1 - kept) * weight[i];
}

// One thread; its own launch, because every block of the last one reads the counter.
__global__ void count_update(int64_t* updates) { ++*updates; }

}  // namespace

void adam(Cuda& cuda, const AdamArrays& a, const Tensor& rate, const Tensor& step, const AdamOptions& o) {
  internal::check_flat("adam", a.weight, {&a.gradient, &a.first, &a.second});
  cuda::launch_1d(
      cuda, adam_kernel, a.weight.count(), cuda::f32("adam", a.weight), cuda::f32("adam", a.gradient),
      cuda::f32("adam", a.first), cuda::f32("adam", a.second), cuda::f32("adam", rate), step.data<int64_t>(),
      Adam{o.beta1, o.beta2, o.weight_decay, static_cast<float>(o.eps), o.form == AdamForm::keras});
}

void sgd(Cuda& cuda, const Tensor& weight, const Tensor& gradient, const Tensor& velocity, const Tensor& rate,
         const Tensor& step, const SgdOptions& o) {
  internal::check_flat("sgd", weight, {&gradient});
  if (o.momentum != 0) internal::check_flat("sgd", weight, {&velocity});
  cuda::launch_1d(cuda, sgd_kernel, weight.count(), cuda::f32("sgd", weight), cuda::f32("sgd", gradient),
                  o.momentum != 0 ? cuda::f32("sgd", velocity) : nullptr, cuda::f32("sgd", rate),
                  step.data<int64_t>(),
                  Sgd{static_cast<float>(o.momentum), static_cast<float>(o.weight_decay), o.nesterov});
}

void average_weights(Cuda& cuda, const Tensor& average, const Tensor& weight, const Tensor& updates) {
  internal::check_flat("average_weights", average, {&weight});
  int64_t* seen = updates.data<int64_t>();
  cuda::launch_1d(cuda, average_kernel, average.count(), cuda::f32("average_weights", average),
                  cuda::f32("average_weights", weight), seen);
  cuda::launch_grid(cuda, count_update, dim3(1), 1, 0, seen);
}

void follow_weights(Cuda& cuda, const Tensor& average, const Tensor& weight, const Tensor& step,
                    double decay) {
  internal::check_flat("follow_weights", average, {&weight});
  cuda::launch_1d(cuda, follow_kernel, average.count(), cuda::f32("follow_weights", average),
                  cuda::f32("follow_weights", weight), step.data<int64_t>(), decay);
}

}  // namespace mellow
