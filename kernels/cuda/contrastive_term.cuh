// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

#include "mellow/engine/core/backend.h"
#include "mellow/kernels/cuda/tile.cuh"

// One term of TS2Vec's loss at one level. Both terms are the same computation on another arrangement: groups
// of 2 M vectors r, the first M from z1, the others from z2; vector i's positive is i ± M;
//   value = weight Σ_groups Σ_i (log Σ_{j≠i} exp(r_i·r_j) − r_i·r_positive).
namespace mellow::cuda {

// Two contiguous arrays [batch, length, dims], elements or their gradients.
struct Encodings {
  float *z1, *z2;
  int64_t batch, length, dims;
  __host__ __device__ int64_t count() const { return batch * length * dims; }
};

struct ContrastiveTerm {
  int64_t groups, members;              // members = M
  int64_t group_stride, member_stride;  // in elements of z1 and z2
  int dims;
  float weight;
  int64_t tiles() const { return (2 * members + tile::size - 1) / tile::size; }
  int64_t blocks() const { return groups * tiles(); }
};

// Groups are steps, members are series.
ContrastiveTerm instance_term(const Encodings& z, float weight);
// Groups are series, members are steps.
ContrastiveTerm temporal_term(const Encodings& z, float weight);

// log_sums [groups, 2 M] := log Σ_{j≠i} exp(r_i·r_j); partial [blocks] := parts of the value.
void contrastive_value(Cuda& cuda, const ContrastiveTerm& term, const Encodings& z, float* log_sums,
                       float* partial);
// gradient += d value / d z.
void contrastive_gradient(Cuda& cuda, const ContrastiveTerm& term, const Encodings& z, const float* log_sums,
                          const Encodings& gradient);

}  // namespace mellow::cuda
