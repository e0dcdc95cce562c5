// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/train/calibration.h"
#include "mellow/engine/train/metrics.h"
#include "mellow/tests/support/goldens.h"

using namespace mellow;
using namespace mellow::test;

namespace {

struct Case {
  int64_t classes;
  std::vector<double> probabilities;
  std::vector<int32_t> labels;
};

// p = weight^power / the sum of its row: whole numbers and one division, the same doubles as in Python.
std::vector<Case> stored_cases(const Goldens& golden) {
  const auto n = golden.values<int64_t>("n"), k = golden.values<int64_t>("k"),
             power = golden.values<int64_t>("power");
  const auto weights = golden.values<uint8_t>("weights"), labels = golden.values<uint8_t>("labels");
  std::vector<Case> cases;
  auto weight = weights.begin();
  auto label = labels.begin();
  for (size_t i = 0; i < n.size(); ++i) {
    Case c{k[i], {}, {label, label + n[i]}};
    label += n[i];
    for (int64_t row = 0; row < n[i]; ++row, weight += k[i]) {
      double sum = 0;
      for (auto w = weight; w != weight + k[i]; ++w) sum += std::pow(*w, power[i]);
      for (auto w = weight; w != weight + k[i]; ++w) c.probabilities.push_back(std::pow(*w, power[i]) / sum);
    }
    cases.push_back(std::move(c));
  }
  return cases;
}

}  // namespace

TEST_CASE("metrics equal numpy and scikit-learn to 1e-9") {
  const Goldens golden("metrics");
  const auto cases = stored_cases(golden);
  const auto expect = [&](const char* name, auto score_of) {
    CAPTURE(name);
    const auto expected = golden.values<double>(name);
    REQUIRE(expected.size() == cases.size());
    for (size_t i = 0; i < cases.size(); ++i) {
      CAPTURE(i);
      const Metrics m = score(cases[i].probabilities, cases[i].labels, cases[i].classes);
      CHECK(std::abs(score_of(m) - expected[i]) <= 1e-9);
    }
  };
  expect("accuracy", [](const Metrics& m) { return m.accuracy; });
  expect("nll", [](const Metrics& m) { return m.nll; });
  expect("brier", [](const Metrics& m) { return m.brier; });
  expect("ece", [](const Metrics& m) { return m.ece; });
  expect("cwece", [](const Metrics& m) { return m.cwece; });
  expect("cwece_cc", [](const Metrics& m) { return m.cwece_cc; });
  expect("macro_f1", [](const Metrics& m) { return m.macro_f1; });
  expect("per_class_error", [](const Metrics& m) { return m.per_class_error; });
  expect("instability", [](const Metrics& m) { return m.instability; });
}

TEST_CASE("reliability bins and confusion matrices equal numpy and scikit-learn") {
  const Goldens golden("metrics");
  const auto cases = stored_cases(golden);
  const auto bins = golden.values<double>("reliability");
  const auto confusion = golden.values<uint8_t>("confusion");
  size_t bin_at = 0, count_at = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(i);
    const Case& c = cases[i];
    for (const ReliabilityBin& bin : reliability(c.probabilities, c.labels, c.classes)) {
      CHECK(bin.count == bins[bin_at]);
      CHECK(std::abs(bin.confidence - bins[bin_at + 1]) <= 1e-9);
      CHECK(std::abs(bin.accuracy - bins[bin_at + 2]) <= 1e-9);
      bin_at += 3;
    }
    const auto counts = confusion_matrix(predictions_of(c.probabilities, c.classes), c.labels, c.classes);
    const auto expected = std::span(confusion).subspan(count_at, counts.size());
    CHECK(std::equal(counts.begin(), counts.end(), expected.begin()));
    count_at += counts.size();
  }
  CHECK(bin_at == bins.size());
  CHECK(count_at == confusion.size());
}

TEST_CASE("reliability: edges belong to the bin below, zero to the first") {
  // Two classes, largest probability 1 … 0.5; the bin (7/15, 8/15] ends with 8/15.
  const std::vector<double> p = {8.0 / 15, 7.0 / 15, 1, 0, 0.5, 0.5};
  const auto bins = reliability(p, std::vector<int32_t>{0, 1, 0}, 2);
  REQUIRE(bins.size() == 15);
  CHECK(bins[7].count == 2);
  CHECK(bins[7].low == 7.0 / 15);
  CHECK(bins[7].accuracy == 1);
  CHECK(bins[14].count == 1);
  CHECK(bins[14].high == 1);
  CHECK(bins[14].accuracy == 0);
  // The neighbours of every edge, where p · 15 alone would round to the wrong side.
  for (int n = 1; n < 15; ++n) {
    CAPTURE(n);
    const double at = n / 15.0;
    Calibration around;
    for (const double confidence : {std::nextafter(at, 0), at, std::nextafter(at, 1)})
      around.add(confidence, true);
    CHECK(around.bins()[static_cast<size_t>(n - 1)].count == 2);
    CHECK(around.bins()[static_cast<size_t>(n)].count == 1);
  }
  Calibration zero;
  CHECK(zero.empty());
  CHECK(zero.error() == 0);
  zero.add(0, true);
  CHECK(zero.bins()[0].count == 1);
  CHECK(zero.error() == 1);
}

TEST_CASE("metrics: ties go to the lowest class, certain mistakes stay finite") {
  const std::vector<double> even = {0.5, 0.5, 0.5, 0.5};
  const std::vector<int32_t> labels = {0, 1};
  CHECK(score(even, labels, 2).accuracy == 0.5);
  CHECK(predictions_of(even, 2) == std::vector<int32_t>{0, 0});
  const std::vector<double> wrong = {0.0, 1.0};
  CHECK(score(wrong, std::vector<int32_t>{0}, 2).nll == doctest::Approx(-std::log(1e-15)));
}

TEST_CASE("metrics: the instability of a class is the spread of its probability vectors") {
  // Class 0: (1, 0) and (0, 1), each 1/2 from their mean in the square; class 1: two alike. Class 2 has none.
  const std::vector<double> p = {1, 0, 0, 0, 1, 0, 0.2, 0.3, 0.5, 0.2, 0.3, 0.5};
  CHECK(score(p, std::vector<int32_t>{0, 0, 1, 1}, 3).instability == doctest::Approx(0.25).epsilon(1e-15));
}

TEST_CASE("metrics: a probability that is no number shows in the scores") {
  const Metrics m = score(std::vector<double>{NAN, NAN}, std::vector<int32_t>{0}, 2);
  CHECK(std::isnan(m.nll));
  CHECK(std::isnan(m.ece));
  CHECK(std::isnan(m.instability));
}

TEST_CASE("metrics: what does not fit is refused") {
  CHECK_THROWS_AS(predictions_of(std::vector<double>{0.5, 0.5}, 0), Error);
  CHECK_THROWS_AS(probabilities_of(std::vector<double>{0.5, 0.5}, 0), Error);
  CHECK_THROWS_AS(confusion_matrix({}, {}, -1), Error);
  const std::vector<double> even = {0.5, 0.5, 0.5, 0.5};
  const std::vector<int32_t> one = {0}, outside = {0, 2}, negative = {-1, 0};
  CHECK_THROWS_AS(score(even, one, 2), Error);
  CHECK_THROWS_AS(score({}, {}, 2), Error);
  CHECK_THROWS_AS(score(even, outside, 2), Error);
  CHECK_THROWS_AS(reliability(even, negative, 2), Error);
  CHECK_THROWS_AS(confusion_matrix(one, outside, 3), Error);
  CHECK_THROWS_AS(confusion_matrix(outside, outside, 2), Error);
}

TEST_CASE("probabilities of extreme logits, and at a temperature") {
  const std::vector<float> logits = {1e4f, 0.f, -1e4f, 3.f, 3.f, 3.f};
  const auto p = probabilities_of(logits, 3);
  CHECK(p[0] == 1.0);
  CHECK(p[2] == 0.0);
  CHECK(p[4] == doctest::Approx(1.0 / 3));
  const auto warm = probabilities_of(logits, 3, 1e4);
  CHECK(warm[0] == doctest::Approx(std::exp(1) / (std::exp(1) + 1 + std::exp(-1))).epsilon(1e-12));
}
