// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/core/random.h"

using namespace mellow;

// Known answers of philox4x32-10 as published with the Random123 paper (kat_vectors).
TEST_CASE("philox: known answers") {
  CHECK(philox(0, 0, 0) == RandomWords{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const uint64_t ones = ~uint64_t{0};
  CHECK(philox(ones, ones, ones) == RandomWords{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  // Counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0: digits of pi.
  CHECK(philox(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e) ==
        RandomWords{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random: streams, draws and elements differ, and the numbers are known at compile time") {
  static_assert(philox(0, 0, 0)[0] == 0x6627e8d5);
  const auto base = random_words(1, RandomStream::mask, 2, 3);
  CHECK(base == random_words(1, RandomStream::mask, 2, 3));
  CHECK(base != random_words(2, RandomStream::mask, 2, 3));
  CHECK(base != random_words(1, RandomStream::crop, 2, 3));
  CHECK(base != random_words(1, RandomStream::mask, 3, 3));
  CHECK(base != random_words(1, RandomStream::mask, 2, 4));
}

TEST_CASE("random: uniform numbers stay in [0, 1), whole ones below n") {
  CHECK(uniform_from(0u) == 0.0f);
  CHECK(uniform_from(~0u) == 1.0f - 0x1p-24f);
  CHECK(uniform_from(~0u, ~0u) == 1.0 - 0x1p-53);
  CHECK(below(7, ~0u, ~0u) == 6);
  CHECK(below(7, 0, 0) == 0);
  CHECK(below(1, ~0u, ~0u) == 0);
  std::array<int, 5> seen{};
  double total = 0;
  for (uint64_t i = 0; i < 5000; ++i) {
    const auto w = random_words(3, RandomStream::test, 0, i);
    ++seen[below(5, w[0], w[1])];
    total += uniform_from(w[2]);
  }
  for (int n : seen) CHECK((n > 880 && n < 1120));  // four standard deviations around 1000
  CHECK((total > 2418 && total < 2582));            // likewise around 2500
}
