// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/beta_labels.h"
#include "mellow/engine/ops/draws.h"
#include "mellow/kernels/batch_checks.h"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/operand.h"

namespace mellow {
namespace {

// One thread per draw of [n]: puts it at its rank. A batch is small: counting the smaller ones is enough.
__global__ void sort_draws(int64_t n, uint64_t seed, const int64_t* step, float* sorted) {
  const int64_t k = cuda::thread_index();
  if (k >= n) return;
  const float mine = beta_uniform(seed, *step, k);
  int64_t rank = 0;
  for (int64_t j = 0; j < n; ++j) {
    const float other = beta_uniform(seed, *step, j);
    rank += other < mine || (other == mine && j < k);
  }
  sorted[rank] = mine;
}

struct Judged {
  int64_t classes;
  const float* probabilities;
  const int32_t *labels, *index;
};

// One thread per sample of the batch [n]: writes its row of out [samples, classes].
__global__ void hand_out(int64_t n, Judged judged, const float* sorted, double weight, double shape,
                         float* out) {
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  const int64_t classes = judged.classes, sample = judged.index[i], label = judged.labels[sample];
  const float mine = beta_confidence(judged.probabilities[i * classes + label]);
  int64_t rank = 0;
  for (int64_t j = 0; j < n; ++j) {
    const float other = beta_confidence(judged.probabilities[j * classes + judged.labels[judged.index[j]]]);
    rank += other < mine || (other == mine && j < i);
  }
  const double drawn = pow(static_cast<double>(sorted[rank]), 1 / shape);
  const auto rest = static_cast<float>(weight * (1 - drawn) / static_cast<double>(classes - 1));
  for (int64_t c = 0; c < classes; ++c)
    out[sample * classes + c] = c == label ? static_cast<float>(1 - weight + weight * drawn) : rest;
}

}  // namespace

void beta_labels(Cuda& cuda, const Tensor& probabilities, const Tensor& labels, const Tensor& index,
                 const Tensor& step, const BetaLabelOptions& options, const Tensor& out) {
  internal::check_beta_labels(probabilities, labels, index, step, out);
  const int64_t batch = probabilities.dim(0);
  const cuda::Scratch sorted(cuda, static_cast<size_t>(batch) * sizeof(float));
  cuda::launch_1d(cuda, sort_draws, batch, options.seed, step.data<int64_t>(), sorted.data<float>());
  const Judged judged{probabilities.dim(1), cuda::f32("beta_labels", probabilities), labels.data<int32_t>(),
                      index.data<int32_t>()};
  cuda::launch_1d(cuda, hand_out, batch, judged, sorted.data<float>(), options.weight, options.shape,
                  cuda::f32("beta_labels", out));
}

}  // namespace mellow
