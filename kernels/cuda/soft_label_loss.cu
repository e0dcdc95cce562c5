// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/soft_label_loss.h"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/operand.h"
#include "mellow/kernels/cuda/reduce.cuh"
#include "mellow/kernels/relaxed_label.h"

namespace mellow {
namespace {

constexpr int rows_per_block = cuda::block_size / cuda::warp_size;

// A table of soft labels [classes or samples, classes]; data is null for one-hot labels.
struct Table {
  const float* data;
  bool per_sample;
  explicit Table(const SoftLabels& q)
      : data(q.table.defined() ? cuda::f32("soft_label_loss", q.table) : nullptr), per_sample(q.per_sample) {
    MELLOW_CHECK(!q.table.defined() || q.table.is_contiguous(), "[soft_label_loss] the table ",
                 q.table.shape(), " must be contiguous");
  }
};

// The row of a table that belongs to one sample.
struct Row {
  const float* q;
  int64_t label;
  __device__ Row(const Table& table, int64_t sample, int64_t label_of, int64_t classes)
      : q(table.data == nullptr ? nullptr : table.data + (table.per_sample ? sample : label_of) * classes),
        label(label_of) {}
  __device__ float operator[](int64_t c) const { return q != nullptr ? q[c] : (c == label ? 1.0f : 0.0f); }
};

struct Weights {
  float ce, kl, tau, entropy, relaxation;
};

struct First {
  __device__ int64_t operator()(int64_t a, int64_t b) const { return a < b ? a : b; }
};

struct Problem {
  const float* logits;
  int64_t batch, classes, stride;  // rows of logits lie `stride` apart
  const int32_t *labels, *index;   // index may be null: row b is sample b
  Table q1, q2;
  Weights w;
};

// One warp per row of the logits. parts [batch, 4]: loss, CE, KL, hit. gradient [batch, classes], of the mean
// loss, may be null. The row is read four times: all but the first come from the cache.
__global__ void soft_label_rows(Problem p, float* parts, float* gradient) {
  const int64_t row = int64_t{blockIdx.x} * rows_per_block + threadIdx.x / cuda::warp_size;
  const int64_t lane = threadIdx.x % cuda::warp_size, classes = p.classes;
  if (row >= p.batch) return;  // the whole warp
  const int64_t sample = p.index != nullptr ? p.index[row] : row, label = p.labels[sample];
  const float* z = p.logits + row * p.stride;
  const Row q1(p.q1, sample, label, classes), q2(p.q2, sample, label, classes);

  float top = -INFINITY;
  for (int64_t c = lane; c < classes; c += cuda::warp_size) top = fmaxf(top, z[c]);
  top = cuda::warp_max(top);
  int64_t largest = classes;  // the first of equals
  float sum = 0, sum_tau = 0;
  for (int64_t c = lane; c < classes; c += cuda::warp_size) {
    const float shifted = z[c] - top;
    if (shifted == 0 && c < largest) largest = c;
    sum += expf(shifted);
    if (p.w.kl != 0) sum_tau += expf(shifted / p.w.tau);
  }
  largest = cuda::warp_reduce(largest, First{});
  const float log_sum = logf(cuda::warp_sum(sum)), log_sum_tau = logf(cuda::warp_sum(sum_tau));

  float ce = 0, kl = 0, entropy = 0, rest = 0;
  for (int64_t c = lane; c < classes; c += cuda::warp_size) {
    const float log_p = z[c] - top - log_sum;
    if (const float q = q1[c]; q != 0) ce -= q * log_p;
    if (p.w.relaxation != 0 && c != label) rest += expf(log_p);
    if (p.w.entropy != 0) entropy -= expf(log_p) * log_p;
    if (const float q = p.w.kl != 0 ? q2[c] : 0.0f; q > 0)
      kl += q * (logf(q) - ((z[c] - top) / p.w.tau - log_sum_tau));
  }
  ce = cuda::warp_sum(ce);
  kl = cuda::warp_sum(kl);
  entropy = cuda::warp_sum(entropy);
  RelaxedLabel<float> relaxed{};
  if (const float alpha = p.w.relaxation; alpha > 0) {
    rest = cuda::warp_sum(rest);
    const float own = z[label] - top - log_sum;
    relaxed = relaxed_label(expf(own), rest, alpha);
    ce = relaxed.inside ? 0 : (1 - alpha) * (logf(1 - alpha) - own) + alpha * (logf(alpha) - logf(rest));
  }
  if (lane == 0) {
    float* part = parts + row * soft_label_totals;
    part[0] = p.w.ce * ce + p.w.kl * kl - p.w.entropy * entropy;
    part[1] = ce;
    part[2] = kl;
    part[3] = largest == label ? 1.0f : 0.0f;
  }
  if (gradient == nullptr) return;
  const float scale = 1 / static_cast<float>(p.batch);
  for (int64_t c = lane; c < classes; c += cuda::warp_size) {
    const float log_p = z[c] - top - log_sum, prob = expf(log_p);
    const float q = p.w.relaxation == 0 ? q1[c] : c == label ? relaxed.own : relaxed.others * prob;
    float g = p.w.ce * (prob - q) + p.w.entropy * prob * (log_p + entropy);
    if (p.w.kl != 0) g += p.w.kl / p.w.tau * (expf((z[c] - top) / p.w.tau - log_sum_tau) - q2[c]);
    gradient[row * classes + c] = scale * g;
  }
}

// One block: loss [1] := mean of parts[:, 0]; totals f64 [4] += sums of parts, may be null.
__global__ void add_rows(int64_t batch, const float* parts, float* loss, double* totals) {
  for (int k = 0; k < soft_label_totals; ++k) {
    double sum = 0;
    for (int64_t b = threadIdx.x; b < batch; b += blockDim.x)
      sum += static_cast<double>(parts[b * soft_label_totals + k]);
    sum = cuda::block_sum(sum);
    if (threadIdx.x != 0) continue;
    if (k == 0) loss[0] = static_cast<float>(sum / static_cast<double>(batch));
    if (totals != nullptr) totals[k] += sum;
  }
}

// dx (+)= dy[0] · gradient, one thread per element.
__global__ void scale_gradient(int64_t n, const float* gradient, const float* dy, float* dx, cuda::Rows to,
                               bool add) {
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  const int64_t row = i / to.width;
  float& place = dx[row * to.stride + (i - row * to.width)];
  const float value = dy[0] * gradient[i];
  place = add ? place + value : value;
}

}  // namespace

void SoftLabelLoss::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  constexpr const char* where = "soft_label_loss";
  const Tensor& logits = in[0];
  const cuda::Rows rows = cuda::rows_of(where, logits);
  if (wanted) gradient = Tensor::empty(logits.context(), logits.shape());
  const cuda::Scratch parts(cuda, static_cast<size_t>(rows.count * soft_label_totals) * sizeof(float));
  const Problem problem{
      cuda::f32(where, logits),
      rows.count,
      rows.width,
      rows.stride,
      targets.labels.data<int32_t>(),
      targets.index.defined() ? targets.index.data<int32_t>() : nullptr,
      Table(targets.q1),
      Table(targets.q2),
      {static_cast<float>(weights.ce), static_cast<float>(weights.kl), static_cast<float>(weights.tau),
       static_cast<float>(weights.entropy), static_cast<float>(weights.relaxation)}};
  cuda::launch_grid(cuda, soft_label_rows, dim3(cuda::blocks_for(rows.count, rows_per_block)),
                    cuda::block_size, 0, problem, parts.data<float>(),
                    wanted ? gradient.data<float>() : nullptr);
  cuda::launch_rows(cuda, add_rows, 1, cuda::block_size, 0, rows.count, parts.data<float>(),
                    cuda::f32(where, out), totals.defined() ? totals.data<double>() : nullptr);
}

void SoftLabelLoss::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  const auto [dx, add] = gradients.target(0);
  cuda::launch_1d(cuda, scale_gradient, gradient.count(), gradient.data<float>(),
                  cuda::f32("soft_label_loss", dy), cuda::f32("soft_label_loss", dx),
                  cuda::rows_of("soft_label_loss", dx), add);
}

}  // namespace mellow
