// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <utility>

#include "mellow/engine/core/tensor.h"

namespace mellow {

// What random ops draw from (engine/core/random.h): the seed, and the number of the training step, which lies
// on the device so that a captured step draws anew at every replay.
struct RandomState {
  uint64_t seed = 0;
  Tensor step;  // i64 [1]; empty until a training loop gives the one it counts in
};

// Gives a context's random ops another state while it lives: loops that take turns on one context each draw
// what they would draw alone.
class RandomScope {
 public:
  RandomScope(Context& context, RandomState state)
      : context_(context), before_(std::exchange(context.random(), std::move(state))) {}
  ~RandomScope() { context_.random() = std::move(before_); }
  RandomScope(const RandomScope&) = delete;
  RandomScope& operator=(const RandomScope&) = delete;

 private:
  Context& context_;
  RandomState before_;
};

}  // namespace mellow
