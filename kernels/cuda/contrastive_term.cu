// SPDX-License-Identifier: MIT
#include "mellow/kernels/cuda/contrastive_term.cuh"
#include "mellow/kernels/cuda/reduce.cuh"

// As in flash attention, the 2 M × 2 M similarities of a group exist a tile at a time: the first kernel keeps
// a running log Σ exp per anchor, the second computes the tiles again and multiplies them with the vectors.
namespace mellow::cuda {
namespace {

struct Product {
  __device__ float operator()(float sum, float a, float b) const { return fmaf(a, b, sum); }
};

// The vectors of one group, and the 64 anchors of this block among them.
struct Anchors {
  const float *z1, *z2;
  int64_t group;
  int members, first;
  int64_t member_stride;

  __device__ Anchors(const ContrastiveTerm& term, int tiles, const Encodings& z)
      : group(blockIdx.x / tiles),
        members(static_cast<int>(term.members)),
        first(static_cast<int>(blockIdx.x % tiles) * tile::size),
        member_stride(term.member_stride) {
    z1 = z.z1 + group * term.group_stride;
    z2 = z.z2 + group * term.group_stride;
  }
  __device__ int count() const { return 2 * members; }
  __device__ int positive(int i) const { return i < members ? i + members : i - members; }
  // Address of vector v, null past the last.
  __device__ const float* operator()(int v) const {
    if (v >= count()) return nullptr;
    return v < members ? z1 + v * member_stride : z2 + (v - members) * member_stride;
  }
};

// log Σ exp of values that come one by one, and its parts joined.
struct RunningLogSum {
  float top = -INFINITY, sum = 0;  // log Σ = top + log(sum)
  __device__ void add(float other_top, float other_sum) {
    const float higher = fmaxf(top, other_top);
    if (higher == -INFINITY) return;  // nothing yet on either side
    sum = sum * expf(top - higher) + other_sum * expf(other_top - higher);
    top = higher;
  }
};

// One block per group and 64 anchors.
__global__ void term_value(ContrastiveTerm term, int tiles, Encodings z, float* log_sums, float* partial) {
  __shared__ tile::Slice a, b;
  __shared__ float tops[tile::size][tile::side + 1], sums[tile::size][tile::side + 1], positives[tile::size];
  const Anchors at(term, tiles, z);
  RunningLogSum running[tile::each];
  for (int from = 0; from < at.count(); from += tile::size) {
    const auto anchor = [&](int v) { return at(at.first + v); };
    const auto other = [&](int v) { return at(from + v); };
    tile::Pairs similar;
    tile::sum_pairs(a, b, anchor, other, term.dims, Product{}, similar);
    for (int r = 0; r < tile::each; ++r) {
      const int row = tile::each * tile::row() + r, i = at.first + row;
      for (int c = 0; c < tile::each; ++c) {
        const int j = from + tile::each * tile::column() + c;
        if (j >= at.count() || j == i) continue;
        running[r].add(similar[r][c], 1.0f);
        if (j == at.positive(i)) positives[row] = similar[r][c];  // one thread of the block
      }
    }
  }
  for (int r = 0; r < tile::each; ++r) {
    const int row = tile::each * tile::row() + r;
    tops[row][tile::column()] = running[r].top;
    sums[row][tile::column()] = running[r].sum;
  }
  __syncthreads();
  const int row = static_cast<int>(threadIdx.x), i = at.first + row;
  float loss = 0;
  if (row < tile::size && i < at.count()) {
    RunningLogSum all;
    for (int k = 0; k < tile::side; ++k) all.add(tops[row][k], sums[row][k]);
    const float log_sum = all.top + logf(all.sum);
    log_sums[at.group * at.count() + i] = log_sum;
    loss = log_sum - positives[row];
  }
  loss = block_sum(loss);
  if (threadIdx.x == 0) partial[blockIdx.x] = term.weight * loss;
}

// Weights of one tile of pairs, as the second product reads them.
struct alignas(16) PairWeights {
  float at[tile::size][tile::pitch];  // [other][anchor]
};

// gradient of the block's anchors, channels [from, from + 64), += Σ_other weights · vector.
template <class Other>
__device__ void add_product(const PairWeights& weights, tile::Slice& vectors, Other other, const Anchors& at,
                            const Encodings& gradient, const ContrastiveTerm& term, int from) {
  tile::Pairs sum = {};
  for (int first = 0; first < tile::size; first += tile::depth) {
    __syncthreads();  // the vectors before have been read, the weights are written
    for (int n = static_cast<int>(threadIdx.x); n < tile::depth * tile::size; n += tile::threads) {
      const int v = n / tile::size, c = n % tile::size;
      const float* vector = other(first + v);
      vectors.at[v][c] = vector != nullptr && from + c < term.dims ? vector[from + c] : 0.0f;
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < tile::depth; ++k)
#pragma unroll
      for (int r = 0; r < tile::each; ++r)
#pragma unroll
        for (int c = 0; c < tile::each; ++c)
          sum[r][c] = fmaf(weights.at[first + k][tile::each * tile::row() + r],
                           vectors.at[k][tile::each * tile::column() + c], sum[r][c]);
  }
  for (int r = 0; r < tile::each; ++r) {
    const int i = at.first + tile::each * tile::row() + r;
    if (i >= at.count()) continue;
    float* place = (i < at.members ? gradient.z1 : gradient.z2) + at.group * term.group_stride +
                   (i < at.members ? i : i - at.members) * at.member_stride;
    for (int c = 0; c < tile::each; ++c)
      if (const int channel = from + tile::each * tile::column() + c; channel < term.dims)
        place[channel] += term.weight * sum[r][c];
  }
}

// One block per group and 64 anchors; it alone writes their gradients:
//   d r_i = Σ_{j≠i} (exp(s_ij − L_i) + exp(s_ij − L_j) − 2 [j is i's positive]) r_j,  L = log_sums, s = r·r.
__global__ void term_gradient(ContrastiveTerm term, int tiles, Encodings z, const float* log_sums,
                              Encodings gradient) {
  __shared__ tile::Slice a, b;
  __shared__ PairWeights weights;
  const Anchors at(term, tiles, z);
  const float* sums = log_sums + at.group * at.count();
  for (int from = 0; from < at.count(); from += tile::size) {
    const auto anchor = [&](int v) { return at(at.first + v); };
    const auto other = [&](int v) { return at(from + v); };
    tile::Pairs similar;
    tile::sum_pairs(a, b, anchor, other, term.dims, Product{}, similar);
    // Whoever still multiplies the weights of the tile before is behind a barrier of sum_pairs.
    for (int r = 0; r < tile::each; ++r)
      for (int c = 0; c < tile::each; ++c) {
        const int row = tile::each * tile::row() + r, column = tile::each * tile::column() + c;
        const int i = at.first + row, j = from + column;
        float weight = 0;
        if (i < at.count() && j < at.count() && i != j)
          weight = expf(similar[r][c] - sums[i]) + expf(similar[r][c] - sums[j]) -
                   (j == at.positive(i) ? 2.0f : 0.0f);
        weights.at[column][row] = weight;
      }
    for (int channel = 0; channel < term.dims; channel += tile::size)
      add_product(weights, b, other, at, gradient, term, channel);
  }
}

}  // namespace

ContrastiveTerm instance_term(const Encodings& z, float weight) {
  return {z.length, z.batch, z.dims, z.length * z.dims, static_cast<int>(z.dims), weight};
}

ContrastiveTerm temporal_term(const Encodings& z, float weight) {
  return {z.batch, z.length, z.length * z.dims, z.dims, static_cast<int>(z.dims), weight};
}

void contrastive_value(Cuda& cuda, const ContrastiveTerm& term, const Encodings& z, float* log_sums,
                       float* partial) {
  constexpr int64_t most = int64_t{1} << 29;  // twice as many, and a tile more, still fit in int
  MELLOW_CHECK(term.members <= most && z.dims <= most, "[hierarchical_contrastive] ", term.members,
               " vectors of ", z.dims, " are more than the device counts");
  launch_rows(cuda, term_value, term.blocks(), tile::threads, 0, term, static_cast<int>(term.tiles()), z,
              log_sums, partial);
}

void contrastive_gradient(Cuda& cuda, const ContrastiveTerm& term, const Encodings& z, const float* log_sums,
                          const Encodings& gradient) {
  launch_rows(cuda, term_gradient, term.blocks(), tile::threads, 0, term, static_cast<int>(term.tiles()), z,
              log_sums, gradient);
}

}  // namespace mellow::cuda
