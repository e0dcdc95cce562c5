// SPDX-License-Identifier: MIT
#include <vector>

#include "mellow/engine/ops/contrastive.h"
#include "mellow/kernels/cuda/contrastive_term.cuh"
#include "mellow/kernels/cuda/divide.cuh"
#include "mellow/kernels/cuda/elementwise.cuh"
#include "mellow/kernels/cuda/reduce.cuh"

// The pyramid of levels: pooling, its gradient, and the order in which the terms (contrastive_term.cu) are
// added.
namespace mellow {
namespace {

using cuda::Encodings;

// Whether the second step of a pair is the larger; ties go to the first, NaN is passed on.
__device__ bool second_wins(float first, float second) {
  return second > first || (isnan(second) && !isnan(first));
}

// One thread per element of both coarse arrays [batch, length / 2, dims]: the larger of two steps.
__global__ void pool_pairs(int64_t n, Encodings fine, Encodings coarse) {
  int64_t i = cuda::thread_index();
  if (i >= n) return;
  const bool of_second = i >= coarse.count();
  if (of_second) i -= coarse.count();
  const int64_t row = cuda::divide(i, fine.dims), series = cuda::divide(row, coarse.length);
  const float* x = (of_second ? fine.z2 : fine.z1) +
                   (series * fine.length + 2 * (row - series * coarse.length)) * fine.dims +
                   (i - row * fine.dims);
  (of_second ? coarse.z2 : coarse.z1)[i] = second_wins(x[0], x[fine.dims]) ? x[fine.dims] : x[0];
}

// One thread per element of both fine gradients: that of the coarse step it won, else 0. An odd last step
// belongs to no pair. At the coarsest level `coarse` is null and all is 0.
__global__ void unpool_pairs(int64_t n, Encodings fine, Encodings coarse, Encodings gradient) {
  int64_t i = cuda::thread_index();
  if (i >= n) return;
  const bool of_second = i >= fine.count();
  if (of_second) i -= fine.count();
  const int64_t row = cuda::divide(i, fine.dims), series = cuda::divide(row, fine.length);
  const int64_t step = row - series * fine.length, c = i - row * fine.dims;
  float value = 0;
  if (step / 2 < coarse.length && coarse.z1 != nullptr) {
    const float* x = (of_second ? fine.z2 : fine.z1) + (row - step % 2) * fine.dims + c;
    if (second_wins(x[0], x[fine.dims]) == (step % 2 == 1))
      value = (of_second ? coarse.z2 : coarse.z1)[(series * coarse.length + step / 2) * fine.dims + c];
  }
  (of_second ? gradient.z2 : gradient.z1)[i] = value;
}

// One block: loss [1] := Σ partial.
__global__ void add_partials(int64_t count, const float* partial, float* loss) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) sum += static_cast<double>(partial[i]);
  sum = cuda::block_sum(sum);
  if (threadIdx.x == 0) loss[0] = static_cast<float>(sum);
}

// dx (+)= dy[0] · gradient, one thread per element.
__global__ void scale_gradient(int64_t n, cuda::Writing dx, const float* gradient, const float* dy) {
  const int64_t i = cuda::thread_index();
  if (i < n) dx.put(i, dy[0] * gradient[i]);
}

struct Arrays {  // two [batch, length, dims]
  Tensor first, second;
  Encodings view() const {
    constexpr const char* where = "hierarchical_contrastive";
    return {cuda::f32(where, first), cuda::f32(where, second), first.dim(0), first.dim(1), first.dim(2)};
  }
};

Arrays empty_like(const Arrays& a, int64_t length) {
  const Shape shape = {a.first.dim(0), length, a.first.dim(2)};
  return {Tensor::empty(a.first.context(), shape), Tensor::empty(a.first.context(), shape)};
}

Tensor contiguous(Cuda& cuda, const Tensor& x) {
  if (x.is_contiguous()) return x;
  const Tensor copy = Tensor::empty(x.context(), x.shape());
  cuda::map(cuda, "hierarchical_contrastive", cuda::Identity{}, copy, false, x);
  return copy;
}

// One level of the pyramid, its terms, and the terms' log Σ exp per anchor.
struct Level {
  Arrays z;
  std::vector<cuda::ContrastiveTerm> terms;
  std::vector<Tensor> log_sums;
};

std::vector<Level> pyramid(Cuda& cuda, Arrays z) {
  std::vector<Level> levels;
  for (;;) {
    levels.push_back({z, {}, {}});
    if (z.first.dim(1) <= 1) return levels;
    const Arrays coarse = empty_like(z, z.first.dim(1) / 2);
    cuda::launch_1d(cuda, pool_pairs, 2 * coarse.first.count(), z.view(), coarse.view());
    z = coarse;
  }
}

// Both terms where they exist and count: of one series or one step there is nothing to tell apart.
void choose_terms(std::vector<Level>& levels, const ContrastiveOptions& o) {
  for (size_t d = 0; d < levels.size(); ++d) {
    const Encodings e = levels[d].z.view();
    const double share =
        1 / (2.0 * static_cast<double>(e.batch * e.length) * static_cast<double>(levels.size()));
    if (e.batch > 1 && o.alpha > 0)
      levels[d].terms.push_back(cuda::instance_term(e, static_cast<float>(o.alpha * share)));
    if (e.length > 1 && o.alpha < 1 && static_cast<int64_t>(d) >= o.temporal_unit)
      levels[d].terms.push_back(cuda::temporal_term(e, static_cast<float>((1 - o.alpha) * share)));
  }
}

}  // namespace

void HierarchicalContrastive::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  Context& context = out.context();
  std::vector<Level> levels = pyramid(cuda, {contiguous(cuda, in[0]), contiguous(cuda, in[1])});
  choose_terms(levels, options);
  int64_t blocks = 0;
  for (const Level& level : levels)
    for (const auto& term : level.terms) blocks += term.blocks();
  const Tensor partial = Tensor::empty(context, {blocks});
  float* next = partial.data<float>();
  for (Level& level : levels)
    for (const auto& term : level.terms) {
      level.log_sums.push_back(Tensor::empty(context, {term.groups, 2 * term.members}));
      contrastive_value(cuda, term, level.z.view(), level.log_sums.back().data<float>(), next);
      next += term.blocks();
    }
  cuda::launch_rows(cuda, add_partials, 1, cuda::block_size, 0, blocks, partial.data<float>(),
                    cuda::f32("hierarchical_contrastive", out));
  if (!wanted) return;
  Arrays coarse;  // gradient of the level above
  for (; !levels.empty(); levels.pop_back()) {
    const Level& level = levels.back();
    const Encodings fine = level.z.view();
    const Arrays gradient = empty_like(level.z, fine.length);
    cuda::launch_1d(
        cuda, unpool_pairs, 2 * fine.count(), fine,
        coarse.first.defined() ? coarse.view() : Encodings{nullptr, nullptr, fine.batch, 0, fine.dims},
        gradient.view());
    for (size_t k = 0; k < level.terms.size(); ++k)
      contrastive_gradient(cuda, level.terms[k], fine, level.log_sums[k].data<float>(), gradient.view());
    coarse = gradient;
  }
  dz1 = coarse.first;
  dz2 = coarse.second;
}

void HierarchicalContrastive::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  constexpr const char* where = "hierarchical_contrastive";
  for (int i : {0, 1}) {
    if (!gradients.wanted(i)) continue;
    const auto [dx, add] = gradients.target(i);
    cuda::launch_1d(cuda, scale_gradient, dx.count(), cuda::Writing(where, dx, add),
                    cuda::f32(where, i == 0 ? dz1 : dz2), cuda::f32(where, dy));
  }
}

}  // namespace mellow
