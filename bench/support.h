// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "mellow/engine/core/context.h"
#include "mellow/engine/core/random.h"
#include "mellow/engine/core/tensor.h"

// What the benchmarks share. The device comes from MELLOW_DEVICE (cpu, cuda), the threads from MELLOW_THREADS
// (default: one per core).
namespace mellow::bench {

inline ContextOptions wanted_context(Precision precision = Precision::fp32) {
  const char* device = std::getenv("MELLOW_DEVICE");
  const char* threads = std::getenv("MELLOW_THREADS");
  return {.device = device != nullptr && std::string(device) == "cuda" ? Device::cuda : Device::cpu,
          .threads = threads != nullptr ? std::atoi(threads) : 0,
          .precision = precision};
}

template <class T>
Tensor random_tensor(Context& context, const Shape& shape, uint64_t seed) {
  std::vector<T> values(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<T>(uniform_from(random_words(seed, RandomStream::test, 0, i)[0]) * 2 - 1);
  return Tensor::from(context, shape, values);
}

// Largest difference relative to the largest expected value.
inline double relative_error(const std::vector<double>& got, const std::vector<double>& expected) {
  if (got.size() != expected.size()) return INFINITY;
  double largest = 1e-30, off = 0;
  for (const double e : expected) largest = std::max(largest, std::abs(e));
  for (size_t i = 0; i < got.size(); ++i) off = std::max(off, std::abs(got[i] - expected[i]));
  return std::isfinite(off) ? off / largest : INFINITY;
}

}  // namespace mellow::bench
