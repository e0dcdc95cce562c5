// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>

// Counter-based randomness: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC11). A number depends on its key and counter alone, never on call order, thread count or device.
// Everything here is constexpr, so CUDA kernels call the same code.
namespace mellow {

// Who draws. Each purpose has its own stream, so that adding a draw in one place moves no other.
enum class RandomStream : uint32_t {
  init,
  shuffle,
  dropout,
  mask,
  crop,
  split,
  generate,
  disturb,
  beta,
  test
};

using RandomWords = std::array<uint32_t, 4>;

// Ten rounds over a 128-bit counter with a 64-bit key.
constexpr RandomWords philox(uint64_t key, uint64_t counter_low, uint64_t counter_high) {
  uint32_t c0 = static_cast<uint32_t>(counter_low), c1 = static_cast<uint32_t>(counter_low >> 32);
  uint32_t c2 = static_cast<uint32_t>(counter_high), c3 = static_cast<uint32_t>(counter_high >> 32);
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c0;
    const uint64_t p1 = uint64_t{0xCD9E8D57u} * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    const uint32_t n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {c0, c1, c2, c3};
}

// Four words for element `index` of draw number `draw` (an epoch or step) in a stream.
constexpr RandomWords random_words(uint64_t seed, RandomStream stream, uint64_t draw, uint64_t index) {
  return philox(seed, index, (static_cast<uint64_t>(stream) << 48) ^ draw);
}

// Uniform in [0, 1) with 24 bits: exactly representable in float32 on every device.
constexpr float uniform_from(uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }

// Uniform in [0, 1) with 53 bits.
constexpr double uniform_from(uint32_t high, uint32_t low) {
  return static_cast<double>(((static_cast<uint64_t>(high) << 32) | low) >> 11) * 0x1p-53;
}

// An integer in [0, n), n >= 1, from 64 random bits (multiply-high; bias below n / 2^64).
constexpr uint64_t below(uint64_t n, uint32_t high, uint32_t low) {
  const uint64_t bits = (static_cast<uint64_t>(high) << 32) | low;
  __extension__ typedef unsigned __int128 Product;  // NOLINT: silent under -Wpedantic
  return static_cast<uint64_t>((static_cast<Product>(bits) * n) >> 64);
}

}  // namespace mellow
