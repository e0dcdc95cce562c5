// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "mellow/engine/core/random_state.h"

namespace mellow::test {

// The devices this run tests: MELLOW_DEVICE=cpu or cuda, else the CPU. Asking for a GPU that is not there
// fails in Context.
inline std::vector<Device> devices() {
  const char* wish = std::getenv("MELLOW_DEVICE");
  if (wish == nullptr || std::string(wish) == "cpu") return {Device::cpu};
  MELLOW_CHECK(std::string(wish) == "cuda", "MELLOW_DEVICE must be cpu or cuda, got ", wish);
  return {Device::cpu, Device::cuda};
}

// A context for exact comparisons: strict float32, fresh memory full of NaN.
inline ContextOptions strict(Device device, int threads = 2) {
  return {.device = device, .threads = threads, .precision = Precision::fp32, .poison = true};
}

// What a training loop does before random ops draw.
inline void draw_for_step(Context& context, int64_t step = 0, uint64_t seed = 0) {
  context.random() = {seed, Tensor::from(context, {1}, std::vector<int64_t>{step})};
}

}  // namespace mellow::test
