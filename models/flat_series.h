// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/ops/join.h"

// For networks that take a series as one row of values and so are made for one length.
namespace mellow {

// length · channels. Throws when the length is missing, or the weights of such a row would fill a machine.
inline int64_t values_per_series(const char* model, int64_t length, int64_t channels) {
  constexpr int64_t most = 1 << 22;
  MELLOW_CHECK(length >= 1, "[", model, "] is made for series of one length: give ModelConfig::length, got ",
               length);
  MELLOW_CHECK(length <= most / channels, "[", model, "] takes at most ", most, " values per series, got ",
               length, " steps of ", channels, " channels");
  return length * channels;
}

// x [batch, length, channels] → [batch, length · channels], step after step.
inline Tensor flat_series(const char* model, const Tensor& x, int64_t length, int64_t channels) {
  check_rank(model, x, 3, "x [batch, length, channels]");
  MELLOW_CHECK(x.dim(1) == length && x.dim(2) == channels, "[", model, "] was made for series of ", length,
               " steps and ", channels, " channels, got x ", x.shape());
  return reshape(x, {x.dim(0), length * channels});
}

}  // namespace mellow
