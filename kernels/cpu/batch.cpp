// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/batch.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "mellow/engine/ops/draws.h"
#include "mellow/kernels/batch_checks.h"
#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/parallel.h"

namespace mellow {
namespace {

// copy(byte offset in the rows of all samples, byte offset in those of the batch, bytes) for every row.
template <class F>
void for_rows(Cpu& cpu, const char* where, const Tensor& all, const Tensor& index, const Tensor& some,
              F&& copy) {
  internal::check_rows(where, all, index, some);
  const int32_t* of = index.data<int32_t>();
  for (int64_t b = 0; b < some.dim(0); ++b)
    MELLOW_CHECK(of[b] >= 0 && of[b] < all.dim(0), "[", where, "] no sample ", of[b], " in ", all.shape());
  if (some.count() == 0) return;
  const size_t bytes = static_cast<size_t>(some.count() / some.dim(0)) * size_of(some.dtype());
  cpu::parallel_for(cpu, some.dim(0), 1 + 65536 / static_cast<int64_t>(bytes),
                    [&](int64_t begin, int64_t end) {
                      for (int64_t b = begin; b < end; ++b)
                        copy(static_cast<size_t>(of[b]) * bytes, static_cast<size_t>(b) * bytes, bytes);
                    });
}

}  // namespace

void shuffle(Cpu& cpu, uint64_t seed, uint64_t epoch, const Tensor& order) {
  internal::check_order(order);
  std::vector<std::pair<uint64_t, int32_t>> keyed(static_cast<size_t>(order.count()));
  cpu::parallel_for(cpu, order.count(), 1024, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      keyed[static_cast<size_t>(i)] = {shuffle_key(seed, epoch, i), static_cast<int32_t>(i)};
  });
  std::sort(keyed.begin(), keyed.end());
  std::transform(keyed.begin(), keyed.end(), order.data<int32_t>(), [](const auto& k) { return k.second; });
}

void next_batch(Cpu&, const Tensor& order, const Tensor& position, const Tensor& step, const Tensor& index) {
  int64_t& at = *position.data<int64_t>();
  const int64_t batch = index.count();
  MELLOW_CHECK(at >= 0 && at + batch <= order.count(), "[next_batch] ", batch, " samples from position ", at,
               " leave the order of ", order.count());
  std::copy_n(order.data<int32_t>() + at, batch, index.data<int32_t>());
  at += batch;
  ++*step.data<int64_t>();
}

void gather(Cpu& cpu, const Tensor& x, const Tensor& index, const Tensor& out) {
  const auto* from = static_cast<const std::byte*>(x.raw_data());
  auto* to = static_cast<std::byte*>(out.raw_data());
  for_rows(cpu, "gather", x, index, out,
           [=](size_t all, size_t some, size_t bytes) { std::memcpy(to + some, from + all, bytes); });
}

void scatter(Cpu& cpu, const Tensor& x, const Tensor& index, const Tensor& out) {
  const auto* from = static_cast<const std::byte*>(x.raw_data());
  auto* to = static_cast<std::byte*>(out.raw_data());
  for_rows(cpu, "scatter", out, index, x,
           [=](size_t all, size_t some, size_t bytes) { std::memcpy(to + all, from + some, bytes); });
}

void gather_crops(Cpu& cpu, const Tensor& x, const Tensor& index, const Tensor& offset, int64_t start,
                  const Tensor& out) {
  internal::check_crops(x, index, offset, out);
  const int32_t *of = index.data<int32_t>(), *shift = offset.data<int32_t>();
  const int64_t steps = out.dim(1);
  for (int64_t b = 0; b < out.dim(0); ++b) {
    const int64_t first = shift[b] + start;
    MELLOW_CHECK(of[b] >= 0 && of[b] < x.dim(0) && first >= 0 && first + steps <= x.dim(1),
                 "[gather_crops] steps ", first, " … ", first + steps, " of sample ", of[b], " leave x ",
                 x.shape());
  }
  const int64_t step_bytes = x.dim(2) * static_cast<int64_t>(size_of(x.dtype()));
  const auto* from = static_cast<const std::byte*>(x.raw_data());
  auto* to = static_cast<std::byte*>(out.raw_data());
  cpu::parallel_for(cpu, out.dim(0), 1 + 65536 / (steps * step_bytes + 1), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b)
      std::memcpy(to + b * steps * step_bytes, from + (of[b] * x.dim(1) + shift[b] + start) * step_bytes,
                  static_cast<size_t>(steps * step_bytes));
  });
}

void mask_missing(Cpu& cpu, const Tensor& x, const StepMaskOptions& options, const Tensor& mask) {
  internal::check_mask(x, mask);
  const int64_t channels = x.dim(2);
  const float keep = static_cast<float>(options.keep);
  uint8_t* keeps = mask.data<uint8_t>();
  cpu::for_float("mask_missing", x.dtype(), [&]<class T>() {
    cpu::parallel_for(cpu, mask.count(), 1 + 4096 / (channels + 1), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        T* step = x.data<T>() + i * channels;
        const bool missing = std::any_of(step, step + channels, [](T v) { return v != v; });
        if (missing) std::fill(step, step + channels, T{0});
        keeps[i] = !missing && (keep >= 1 || mask_keeps(options.seed, options.draw, i, keep));
      }
    });
  });
}

}  // namespace mellow
