// SPDX-License-Identifier: MIT
#include <algorithm>
#include <limits>
#include <vector>

#include "mellow/engine/ops/class_distance.h"
#include "mellow/kernels/cuda/operand.h"
#include "mellow/kernels/cuda/tile.cuh"

// Samples are taken class by class, so that a tile of 64 × 64 pairs has one class on its second side. Squared
// distances are summed as (a − b)²: on CUDA cores that costs one instruction more than ‖a‖² + ‖b‖² − 2ab, and
// nothing cancels.
namespace mellow {
namespace {

namespace tile = cuda::tile;

constexpr int chunk_samples = 8 * tile::size;  // of one class, worked through by one block

struct SquaredDifference {
  __device__ float operator()(float sum, float a, float b) const { return sum + (a - b) * (a - b); }
};

struct Samples {
  const float* x;  // [count, dims]
  int64_t count;
  int dims;
};

// One block per 64 samples and chunk: partial[chunk, i] := Σ distances from sample i to those of the chunk,
// which are order[chunks[chunk] … chunks[chunk + 1]).
__global__ void chunk_distances(Samples s, const int32_t* order, const int32_t* chunks, int row_tiles,
                                float* partial) {
  __shared__ tile::Slice a, b;
  __shared__ float sums[tile::size][tile::side + 1];
  const int64_t first = int64_t{blockIdx.x % row_tiles} * tile::size;
  const int64_t chunk = blockIdx.x / row_tiles;
  const int begin = chunks[chunk], end = chunks[chunk + 1];
  float row_sums[tile::each] = {};
  for (int from = begin; from < end; from += tile::size) {
    const auto sample = [&](int v) { return first + v < s.count ? s.x + (first + v) * s.dims : nullptr; };
    const auto member = [&](int v) {
      return from + v < end ? s.x + int64_t{order[from + v]} * s.dims : nullptr;
    };
    tile::Pairs squares;
    tile::sum_pairs(a, b, sample, member, s.dims, SquaredDifference{}, squares);
    for (int r = 0; r < tile::each; ++r)
      for (int c = 0; c < tile::each; ++c)
        if (from + tile::each * tile::column() + c < end) row_sums[r] += sqrtf(squares[r][c]);
  }
  for (int r = 0; r < tile::each; ++r) sums[tile::each * tile::row() + r][tile::column()] = row_sums[r];
  __syncthreads();
  const int i = static_cast<int>(threadIdx.x);
  if (i >= tile::size || first + i >= s.count) return;
  float sum = 0;
  for (int k = 0; k < tile::side; ++k) sum += sums[i][k];
  partial[chunk * s.count + first + i] = sum;
}

// One thread per element of out [samples, classes]: the chunks of class n are class_chunks[n] … [n + 1), its
// samples chunks[…] of those.
__global__ void class_means(int64_t n, int64_t samples, int64_t classes, const float* partial,
                            const int32_t* chunks, const int32_t* class_chunks, float* out) {
  const int64_t at = cuda::thread_index();
  if (at >= n) return;
  const int64_t i = at / classes, k = at % classes;
  const int begin = class_chunks[k], end = class_chunks[k + 1];
  float sum = 0;
  for (int64_t c = begin; c < end; ++c) sum += partial[c * samples + i];
  out[at] = sum / static_cast<float>(chunks[end] - chunks[begin]);
}

// The samples class by class, cut into chunks of one class.
struct Plan {
  std::vector<int32_t> order;         // [samples]
  std::vector<int32_t> chunks;        // where each chunk begins in order, and the end
  std::vector<int32_t> class_chunks;  // the first chunk of each class, and the end
};

Plan plan_of(const std::vector<int32_t>& labels, int64_t classes) {
  std::vector<int32_t> begin(static_cast<size_t>(classes) + 1);
  for (const int32_t label : labels) ++begin[static_cast<size_t>(label) + 1];
  for (size_t n = 1; n < begin.size(); ++n) begin[n] += begin[n - 1];
  Plan plan;
  for (size_t n = 0; n + 1 < begin.size(); ++n) {
    plan.class_chunks.push_back(static_cast<int32_t>(plan.chunks.size()));
    for (int32_t from = begin[n]; from < begin[n + 1]; from += chunk_samples) plan.chunks.push_back(from);
  }
  plan.class_chunks.push_back(static_cast<int32_t>(plan.chunks.size()));
  plan.chunks.push_back(begin.back());
  plan.order.resize(labels.size());
  for (size_t i = 0; i < labels.size(); ++i)
    plan.order[static_cast<size_t>(begin[static_cast<size_t>(labels[i])]++)] = static_cast<int32_t>(i);
  return plan;
}

}  // namespace

void class_distances(Cuda& cuda, const Tensor& x, const Tensor& labels, const Tensor& out) {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  const int64_t samples = x.dim(0), classes = out.dim(1);
  MELLOW_CHECK(samples <= most - chunk_samples && x.dim(1) <= most - tile::depth, "[class_distances] x ",
               x.shape(), " is more than 32 bits count");
  if (samples == 0) return;
  const Plan plan = plan_of(labels.to_vector<int32_t>(), classes);
  Context& context = x.context();
  const auto on_device = [&](const std::vector<int32_t>& values) {
    return Tensor::from(context, {static_cast<int64_t>(values.size())}, values);
  };
  const Tensor order = on_device(plan.order), chunks = on_device(plan.chunks),
               class_chunks = on_device(plan.class_chunks);
  const int64_t chunk_count = chunks.count() - 1, row_tiles = (samples + tile::size - 1) / tile::size;
  const Tensor partial = Tensor::empty(context, {chunk_count, samples});
  const Samples all{cuda::f32("class_distances", x), samples, static_cast<int>(x.dim(1))};
  cuda::launch_rows(cuda, chunk_distances, row_tiles * chunk_count, tile::threads, 0, all,
                    order.data<int32_t>(), chunks.data<int32_t>(), static_cast<int>(row_tiles),
                    partial.data<float>());
  cuda::launch_1d(cuda, class_means, out.count(), samples, classes, partial.data<float>(),
                  chunks.data<int32_t>(), class_chunks.data<int32_t>(), cuda::f32("class_distances", out));
}

}  // namespace mellow
