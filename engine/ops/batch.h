// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "mellow/engine/core/random.h"
#include "mellow/engine/core/tensor.h"

// From the data set on the device to one batch: no gradients, nothing read by the host.
namespace mellow {

// order i32 [n] := a permutation of 0 … n-1, the same on every device: indices sorted by 64 random bits of
// (seed, shuffle, epoch, index).
void shuffle(Cpu& cpu, uint64_t seed, uint64_t epoch, const Tensor& order);
void shuffle(Cuda& cuda, uint64_t seed, uint64_t epoch, const Tensor& order);

// index i32 [batch] := order[position …]; position i64 [1] on the device, then position += batch. `step` i64
// [1] += 1.
void next_batch(Cpu& cpu, const Tensor& order, const Tensor& position, const Tensor& step,
                const Tensor& index);
void next_batch(Cuda& cuda, const Tensor& order, const Tensor& position, const Tensor& step,
                const Tensor& index);

// out[b] = x[index[b]]: x [samples, …] and out [batch, …], float32 or float64.
void gather(Cpu& cpu, const Tensor& x, const Tensor& index, const Tensor& out);
void gather(Cuda& cuda, const Tensor& x, const Tensor& index, const Tensor& out);

// out[index[b]] = x[b]: the way back; indices differ. x [batch, …] and out [samples, …].
void scatter(Cpu& cpu, const Tensor& x, const Tensor& index, const Tensor& out);
void scatter(Cuda& cuda, const Tensor& x, const Tensor& index, const Tensor& out);

// out[b, t] = x[index[b], offset[b] + start + t]: x [samples, length, channels], out [batch, steps,
// channels]. Throws nothing on the device: the caller keeps offset + start + steps within the length.
void gather_crops(Cpu& cpu, const Tensor& x, const Tensor& index, const Tensor& offset, int64_t start,
                  const Tensor& out);
void gather_crops(Cuda& cuda, const Tensor& x, const Tensor& index, const Tensor& offset, int64_t start,
                  const Tensor& out);

// TS2Vec's input rule: mask u8 [batch, length] := 0 where any channel of x [batch, length, channels] is NaN,
// those steps of x := 0. With keep < 1 each other step is kept with that probability: uniform of (seed, mask,
// draw, b · length + t).
struct StepMaskOptions {
  double keep = 1;
  uint64_t seed = 0, draw = 0;
};
void mask_missing(Cpu& cpu, const Tensor& x, const StepMaskOptions& options, const Tensor& mask);
void mask_missing(Cuda& cuda, const Tensor& x, const StepMaskOptions& options, const Tensor& mask);

}  // namespace mellow
