// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/batch.h"
#include "mellow/engine/ops/draws.h"
#include "mellow/kernels/batch_checks.h"
#include "mellow/kernels/cuda/divide.cuh"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/operand.h"
#include "mellow/kernels/cuda/sort.h"

namespace mellow {
namespace {

using Word = uint32_t;  // what gathers copy: float32 is one, float64 two

// One thread per sample.
__global__ void shuffle_keys(int64_t n, uint64_t seed, uint64_t epoch, uint64_t* keys, int32_t* numbers) {
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  keys[i] = shuffle_key(seed, epoch, i);
  numbers[i] = static_cast<int32_t>(i);
}

// One block, because all of it reads the position that it then moves.
__global__ void next_batch_kernel(const int32_t* order, int64_t* position, int64_t* step, int64_t batch,
                                  int32_t* index) {
  const int64_t at = *position;
  for (int64_t b = threadIdx.x; b < batch; b += blockDim.x) index[b] = order[at + b];
  __syncthreads();
  if (threadIdx.x != 0) return;
  *position = at + batch;
  ++*step;
}

// One thread per word of out [batch, width]; x [samples, width].
__global__ void gather_kernel(int64_t n, int64_t width, const Word* x, const int32_t* index, Word* out) {
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  const int64_t b = cuda::divide(i, width);
  out[i] = x[index[b] * width + (i - b * width)];
}

// One thread per word of x [batch, width]; out [samples, width].
__global__ void scatter_kernel(int64_t n, int64_t width, const Word* x, const int32_t* index, Word* out) {
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  const int64_t b = cuda::divide(i, width);
  out[index[b] * width + (i - b * width)] = x[i];
}

// One thread per word of out [batch, width]: words [start_word + offset[b] · step_words, …) of x [samples,
// x_width].
__global__ void gather_crops_kernel(int64_t n, int64_t width, const Word* x, int64_t x_width,
                                    const int32_t* index, const int32_t* offset, int64_t start,
                                    int64_t step_words, Word* out) {
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  const int64_t b = cuda::divide(i, width);
  out[i] = x[index[b] * x_width + (offset[b] + start) * step_words + (i - b * width)];
}

// One thread per step of x [steps, channels].
__global__ void mask_missing_kernel(int64_t steps, float* x, int64_t channels, uint64_t seed, uint64_t draw,
                                    float keep, uint8_t* mask) {
  const int64_t i = cuda::thread_index();
  if (i >= steps) return;
  bool missing = false;
  for (int64_t c = 0; c < channels; ++c) missing = missing || isnan(x[i * channels + c]);
  for (int64_t c = 0; missing && c < channels; ++c) x[i * channels + c] = 0;
  mask[i] = !missing && (keep >= 1 || mask_keeps(seed, draw, i, keep));
}

int64_t words_of(const char* where, const Tensor& x) {
  MELLOW_CHECK(size_of(x.dtype()) % sizeof(Word) == 0, "[", where, "] copies elements of 4 or 8 bytes, got ",
               name_of(x.dtype()));
  return static_cast<int64_t>(size_of(x.dtype()) / sizeof(Word));
}

}  // namespace

void shuffle(Cuda& cuda, uint64_t seed, uint64_t epoch, const Tensor& order) {
  internal::check_order(order);
  const int64_t n = order.count();
  if (n == 0) return;
  const cuda::Scratch keys(cuda, static_cast<size_t>(n) * sizeof(uint64_t));
  const cuda::Scratch numbers(cuda, static_cast<size_t>(n) * sizeof(int32_t));
  cuda::launch_1d(cuda, shuffle_keys, n, seed, epoch, keys.data<uint64_t>(), numbers.data<int32_t>());
  cuda::sort_by_key(cuda, keys.data<uint64_t>(), numbers.data<int32_t>(), order.data<int32_t>(), n);
}

void next_batch(Cuda& cuda, const Tensor& order, const Tensor& position, const Tensor& step,
                const Tensor& index) {
  cuda::launch_rows(cuda, next_batch_kernel, 1, cuda::block_size, 0, order.data<int32_t>(),
                    position.data<int64_t>(), step.data<int64_t>(), index.count(), index.data<int32_t>());
}

void gather(Cuda& cuda, const Tensor& x, const Tensor& index, const Tensor& out) {
  internal::check_rows("gather", x, index, out);
  const int64_t n = out.count() * words_of("gather", out);
  if (n == 0) return;
  cuda::launch_1d(cuda, gather_kernel, n, n / out.dim(0), static_cast<const Word*>(x.raw_data()),
                  index.data<int32_t>(), static_cast<Word*>(out.raw_data()));
}

void scatter(Cuda& cuda, const Tensor& x, const Tensor& index, const Tensor& out) {
  internal::check_rows("scatter", out, index, x);
  const int64_t n = x.count() * words_of("scatter", x);
  if (n == 0) return;
  cuda::launch_1d(cuda, scatter_kernel, n, n / x.dim(0), static_cast<const Word*>(x.raw_data()),
                  index.data<int32_t>(), static_cast<Word*>(out.raw_data()));
}

void gather_crops(Cuda& cuda, const Tensor& x, const Tensor& index, const Tensor& offset, int64_t start,
                  const Tensor& out) {
  internal::check_crops(x, index, offset, out);
  const int64_t step_words = x.dim(2) * words_of("gather_crops", x);
  cuda::launch_1d(cuda, gather_crops_kernel, out.dim(0) * out.dim(1) * step_words, out.dim(1) * step_words,
                  static_cast<const Word*>(x.raw_data()), x.dim(1) * step_words, index.data<int32_t>(),
                  offset.data<int32_t>(), start, step_words, static_cast<Word*>(out.raw_data()));
}

void mask_missing(Cuda& cuda, const Tensor& x, const StepMaskOptions& options, const Tensor& mask) {
  internal::check_mask(x, mask);
  cuda::launch_1d(cuda, mask_missing_kernel, mask.count(), cuda::f32("mask_missing", x), x.dim(2),
                  options.seed, options.draw, static_cast<float>(options.keep), mask.data<uint8_t>());
}

}  // namespace mellow
