// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include "mellow/engine/core/random.h"

// What random ops draw, once for all devices: the kernels of each backend call these.
namespace mellow {

// Whether dropout keeps an element of draw (step, site): `step` below 2^32, `site` below 2^16. One Philox
// call serves four neighbouring elements.
constexpr bool dropout_keeps(const RandomWords& words, int64_t element, float drop) {
  return uniform_from(words[static_cast<size_t>(element % 4)]) >= drop;
}
constexpr RandomWords dropout_words(uint64_t seed, int64_t step, uint32_t site, int64_t element) {
  const uint64_t draw = (uint64_t{site} << 32) ^ static_cast<uint64_t>(step);
  return random_words(seed, RandomStream::dropout, draw, static_cast<uint64_t>(element) / 4);
}

// The 64 bits that sample `index` is sorted by in an epoch's order; equal keys keep the order of indices.
constexpr uint64_t shuffle_key(uint64_t seed, uint64_t epoch, int64_t index) {
  const RandomWords words = random_words(seed, RandomStream::shuffle, epoch, static_cast<uint64_t>(index));
  return (uint64_t{words[0]} << 32) | words[1];
}

// Whether step number `element` (b · length + t) of a batch is kept.
constexpr bool mask_keeps(uint64_t seed, uint64_t draw, int64_t element, float keep) {
  const RandomWords words = random_words(seed, RandomStream::mask, draw, static_cast<uint64_t>(element));
  return uniform_from(words[0]) < keep;
}

}  // namespace mellow
