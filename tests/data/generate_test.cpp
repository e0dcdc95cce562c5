// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <numeric>

#include <doctest/doctest.h>

#include "mellow/data/generate.h"
#include "mellow/tests/support/files.h"

using namespace mellow;
using test::contains;
using test::message_of;

namespace {

double mean_of_class(const SeriesSet& set, int32_t label, int64_t from, int64_t to) {
  double sum = 0;
  int64_t n = 0;
  for (int64_t i = 0; i < set.series; ++i)
    if (set.labels[static_cast<size_t>(i)] == label)
      for (int64_t t = from; t < to; ++t, ++n) sum += double{set.row(i)[static_cast<size_t>(t)]};
  return sum / static_cast<double>(n);
}

}  // namespace

TEST_CASE("generate: sizes, balance, and the seed alone decides") {
  struct Expected {
    const char* name;
    int64_t train, test, length, classes;
  };
  for (const Expected& e : {Expected{"cbf", 30, 900, 128, 3}, Expected{"two-patterns", 1000, 4000, 128, 4},
                            Expected{"synthetic-control", 300, 300, 60, 6}}) {
    CAPTURE(e.name);
    const SplitPair pair = generate(e.name, 3);
    CHECK(pair.train.series == e.train);
    CHECK(pair.test.series == e.test);
    CHECK(pair.train.length == e.length);
    CHECK(static_cast<int64_t>(pair.train.class_names.size()) == e.classes);
    CHECK(pair.test.class_names == pair.train.class_names);
    for (int32_t k = 0; k < e.classes; ++k)
      CHECK(std::count(pair.test.labels.begin(), pair.test.labels.end(), k) == e.test / e.classes);
    CHECK(std::all_of(pair.test.values.begin(), pair.test.values.end(),
                      [](float v) { return std::isfinite(v); }));
    CHECK(generate(e.name, 3).test.values == pair.test.values);
    CHECK(generate(e.name, 4).test.values != pair.test.values);
    CHECK(pair.train.values[0] != pair.test.values[0]);
  }
  CHECK(
      contains(message_of([] { generate("cfb", 1); }), "there are cbf, two-patterns and synthetic-control"));
}

// Every series is in its event from step 32 to 48: a plateau of 6, the start of a ramp up, the start of a
// ramp down.
TEST_CASE("generate: cylinder, bell and funnel have their forms") {
  const SeriesSet set = generate_cbf(1).test;
  CHECK(mean_of_class(set, 0, 32, 48) == doctest::Approx(6).epsilon(0.05));
  const double bell = mean_of_class(set, 1, 32, 48), funnel = mean_of_class(set, 2, 32, 48);
  CHECK(bell + funnel == doctest::Approx(6).epsilon(0.1));
  CHECK(bell < 2.5);
  CHECK(funnel > 3.5);
  for (int32_t k = 0; k < 3; ++k) CHECK(std::abs(mean_of_class(set, k, 0, 15)) < 0.05);
}

TEST_CASE("generate: two patterns go up and down in the order of the class") {
  const SeriesSet set = generate_two_patterns(1).test;
  // The lag between a step's halves shows in where the low and the high values lie.
  for (int64_t i = 0; i < 200; ++i) {
    const int32_t kind = set.labels[static_cast<size_t>(i)];
    const auto row = set.row(i);
    for (size_t half = 0; half < 2; ++half) {
      const auto first = row.begin() + static_cast<std::ptrdiff_t>(half * 64);
      const auto low = std::find(first, first + 64, -5.0f), high = std::find(first, first + 64, 5.0f);
      REQUIRE(low != first + 64);
      REQUIRE(high != first + 64);
      const bool up = half == 0 ? kind == 1 || kind == 3 : kind == 2 || kind == 3;
      CHECK((low < high) == up);
    }
  }
}

TEST_CASE("generate: control charts") {
  const SeriesSet set = generate_synthetic_control(1).test;
  CHECK(mean_of_class(set, 0, 0, 60) == doctest::Approx(30).epsilon(0.02));
  for (int64_t i = 0; i < set.series; ++i)
    if (set.labels[static_cast<size_t>(i)] == 0)
      for (float v : set.row(i)) REQUIRE(std::abs(v - 30) <= 6.001f);
  // 50 series: the mean of the last step has a standard error of 0.9.
  CHECK(std::abs(mean_of_class(set, 2, 59, 60) - (30 + 0.35 * 60)) < 2.7);
  CHECK(std::abs(mean_of_class(set, 3, 59, 60) - (30 - 0.35 * 60)) < 2.7);
  CHECK(mean_of_class(set, 4, 45, 60) == doctest::Approx(30 + 13.75).epsilon(0.05));
  CHECK(mean_of_class(set, 5, 45, 60) == doctest::Approx(30 - 13.75).epsilon(0.1));
  CHECK(mean_of_class(set, 4, 0, 19) == doctest::Approx(30).epsilon(0.02));
}

// Bayes accuracy .8205, dense .8299, sparse .7829, cross-entropy .4430 and per-class accuracy .7869, .7869,
// .8877 (Monte Carlo with 45 million points).
TEST_CASE("generate: the mixture has the published Bayes error") {
  const Mixture mixture = generate_mixture(11, 2, 400000);
  REQUIRE(mixture.set.series == 1200000);
  const auto p = mixture_posterior(mixture.set.values);
  double hits[2] = {0, 0}, counts[2] = {0, 0}, by_class[3] = {0, 0, 0}, nll = 0;
  double accuracy = 0, entropy = 0;  // expected over the labels: a third of the variance
  for (size_t i = 0; i < mixture.set.labels.size(); ++i) {
    const double* row = p.data() + 3 * i;
    const auto label = static_cast<size_t>(mixture.set.labels[i]);
    const bool hit = std::max_element(row, row + 3) - row == static_cast<std::ptrdiff_t>(label);
    counts[mixture.sparse[i]] += 1;
    hits[mixture.sparse[i]] += hit;
    by_class[label] += hit;
    nll -= std::log(row[label]);
    accuracy += *std::max_element(row, row + 3);
    for (size_t c = 0; c < 3; ++c) entropy -= row[c] * std::log(row[c]);
  }
  const double n = static_cast<double>(mixture.set.series);
  CHECK(std::abs(accuracy / n - 0.8205) < 0.0004);
  CHECK(std::abs(entropy / n - 0.4430) < 0.0006);
  CHECK(std::abs(counts[1] / n - 0.2) < 0.002);
  CHECK(std::abs((hits[0] + hits[1]) / n - 0.8205) < 0.0012);  // three standard errors, here and below
  CHECK(std::abs(hits[0] / counts[0] - 0.8299) < 0.0013);
  CHECK(std::abs(hits[1] / counts[1] - 0.7829) < 0.0027);
  CHECK(std::abs(nll / n - 0.4430) < 0.0015);
  CHECK(std::abs(by_class[0] / (n / 3) - 0.7869) < 0.002);
  CHECK(std::abs(by_class[1] / (n / 3) - 0.7869) < 0.002);
  CHECK(std::abs(by_class[2] / (n / 3) - 0.8877) < 0.0016);
  CHECK(generate_mixture(11, 2, 50).sparse ==
        std::vector<uint8_t>(mixture.sparse.begin(), mixture.sparse.begin() + 150));
  CHECK(generate_mixture(11, 1, 50).set.values != generate_mixture(11, 2, 50).set.values);
  CHECK(contains(message_of([] { generate_mixture(1, 0, 0); }), "at least 1 instance per class, got 0"));
}
