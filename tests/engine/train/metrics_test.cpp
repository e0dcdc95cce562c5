// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/train/metrics.h"
#include "mellow/tests/support/goldens.h"

using namespace mellow;
using namespace mellow::test;

TEST_CASE("metrics equal numpy and scikit-learn to 1e-9") {
  const Goldens golden("metrics");
  const auto n = golden.values<int64_t>("n"), k = golden.values<int64_t>("k");
  const auto all_labels = golden.labels("labels");
  const auto all_probabilities = golden.values<double>("probabilities");
  size_t label_at = 0, probability_at = 0;
  for (size_t i = 0; i < n.size(); ++i) {
    CAPTURE(i);
    const auto samples = static_cast<size_t>(n[i]), values = static_cast<size_t>(n[i] * k[i]);
    const Metrics m = score(std::span(all_probabilities).subspan(probability_at, values),
                            std::span(all_labels).subspan(label_at, samples), k[i]);
    const auto expect = [&](const char* name, double got) {
      INFO(name);
      CHECK(std::abs(got - golden.values<double>(name)[i]) <= 1e-9);
    };
    expect("accuracy", m.accuracy);
    expect("nll", m.nll);
    expect("brier", m.brier);
    expect("ece", m.ece);
    expect("cwece", m.cwece);
    expect("cwece_cc", m.cwece_cc);
    expect("macro_f1", m.macro_f1);
    label_at += samples;
    probability_at += values;
  }
}

TEST_CASE("metrics: ties go to the lowest class, certain mistakes stay finite") {
  const std::vector<double> even = {0.5, 0.5, 0.5, 0.5};
  const std::vector<int32_t> labels = {0, 1};
  CHECK(score(even, labels, 2).accuracy == 0.5);
  CHECK(predictions_of(even, 2) == std::vector<int32_t>{0, 0});
  const std::vector<double> wrong = {0.0, 1.0};
  CHECK(score(wrong, std::vector<int32_t>{0}, 2).nll == doctest::Approx(-std::log(1e-15)));
  CHECK_THROWS_AS(score(even, std::vector<int32_t>{0}, 2), Error);
}

TEST_CASE("probabilities of extreme logits") {
  const auto p = probabilities_of(std::vector<float>{1e4f, 0.f, -1e4f, 3.f, 3.f, 3.f}, 3);
  CHECK(p[0] == 1.0);
  CHECK(p[2] == 0.0);
  CHECK(p[4] == doctest::Approx(1.0 / 3));
}
