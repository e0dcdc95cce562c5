// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "mellow/engine/core/random.h"

// What random ops draw, once for all devices: the kernels of each backend call these.
namespace mellow {

// Dropout's draw (step, site), `step` below 2^32 and `site` below 2^16: element i has word i % 4 of these
// words, one Philox call for four neighbours, and is kept when dropout_keeps(word, drop).
constexpr RandomWords dropout_words(uint64_t seed, int64_t step, uint32_t site, int64_t element) {
  const uint64_t draw = (uint64_t{site} << 32) ^ static_cast<uint64_t>(step);
  return random_words(seed, RandomStream::dropout, draw, static_cast<uint64_t>(element) / 4);
}
constexpr bool dropout_keeps(uint32_t word, float drop) { return uniform_from(word) >= drop; }

// The 64 bits that sample `index` is sorted by in an epoch's order; equal keys keep the order of indices.
constexpr uint64_t shuffle_key(uint64_t seed, uint64_t epoch, int64_t index) {
  const RandomWords words = random_words(seed, RandomStream::shuffle, epoch, static_cast<uint64_t>(index));
  return (uint64_t{words[0]} << 32) | words[1];
}

// Draw number k of a step, before it is shaped into Beta(a, 1) as its a-th root.
constexpr float beta_uniform(uint64_t seed, int64_t step, int64_t k) {
  const auto draw = static_cast<uint64_t>(step);
  return uniform_from(random_words(seed, RandomStream::beta, draw, static_cast<uint64_t>(k))[0]);
}

// A network that diverged says NaN: it counts as no confidence at all, so that samples keep an order.
constexpr float beta_confidence(float probability) { return probability >= 0 ? probability : -1; }

// Whether step number `element` (b · length + t) of a batch is kept.
constexpr bool mask_keeps(uint64_t seed, uint64_t draw, int64_t element, float keep) {
  const RandomWords words = random_words(seed, RandomStream::mask, draw, static_cast<uint64_t>(element));
  return uniform_from(words[0]) < keep;
}

}  // namespace mellow
