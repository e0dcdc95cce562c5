// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/train/average_ranks.h"
#include "mellow/tests/support/goldens.h"

using namespace mellow;
using namespace mellow::test;

TEST_CASE("average ranks equal SciPy's") {
  const Goldens golden("metrics");
  const Shape shape = golden.shape("ranks.scores");
  const auto stored = golden.values<uint8_t>("ranks.scores");
  const std::vector<double> scores(stored.begin(), stored.end());
  const auto expected = golden.values<double>("ranks.average");
  const auto table = static_cast<size_t>(shape[1] * shape[2]), methods = static_cast<size_t>(shape[2]);
  for (size_t i = 0; i < static_cast<size_t>(shape[0]); ++i) {
    const auto ranks = average_ranks(std::span(scores).subspan(i * table, table), shape[2]);
    REQUIRE(ranks.size() == methods);
    for (size_t m = 0; m < methods; ++m) CHECK(std::abs(ranks[m] - expected[i * methods + m]) <= 1e-12);
  }
}

TEST_CASE("average ranks: the highest score is first, ties share the mean") {
  CHECK(average_ranks(std::vector<double>{0.9, 0.5, 0.9, 0.1}, 4) == std::vector<double>{1.5, 3, 1.5, 4});
  const double sum = 0.1 + 0.2 + 0.3, other_order = 0.3 + 0.2 + 0.1;  // of the same three
  REQUIRE(sum != other_order);
  CHECK(average_ranks(std::vector<double>{sum, other_order, 0.5}, 3) == std::vector<double>{1.5, 1.5, 3});
  CHECK_THROWS_AS(average_ranks({}, 2), Error);
  CHECK_THROWS_AS(average_ranks(std::vector<double>{1, 2, 3}, 2), Error);
  CHECK_THROWS_AS(average_ranks(std::vector<double>{1, NAN}, 2), Error);
}
