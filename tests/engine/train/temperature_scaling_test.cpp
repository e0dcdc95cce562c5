// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/train/temperature_scaling.h"
#include "mellow/tests/support/goldens.h"

using namespace mellow;
using namespace mellow::test;

namespace {

using Labels = std::vector<int32_t>;

std::vector<double> log_probabilities(std::vector<double> logits, size_t k) {
  for (size_t i = 0; i < logits.size(); i += k) {
    double total = 0;
    for (size_t c = 0; c < k; ++c) total += std::exp(logits[i + c]);
    for (size_t c = 0; c < k; ++c) logits[i + c] -= std::log(total);
  }
  return logits;
}

}  // namespace

TEST_CASE("temperature: equals SciPy's optimum to 1e-9, from logits and from log-probabilities") {
  const Goldens golden("temperature");
  const auto n = golden.values<int64_t>("n"), k = golden.values<int64_t>("k");
  const auto all_labels = golden.labels("labels");
  const auto all_logits = golden.values("logits");
  const auto bounds = golden.values<double>("bounds"), expected = golden.values<double>("temperature");
  size_t label_at = 0, logit_at = 0;
  for (size_t i = 0; i < n.size(); ++i) {
    const auto samples = static_cast<size_t>(n[i]), values = samples * static_cast<size_t>(k[i]);
    const auto labels = std::span(all_labels).subspan(label_at, samples);
    const auto stored = std::span(all_logits).subspan(logit_at, values);
    const std::vector<double> logits(stored.begin(), stored.end());
    for (size_t j = 0; j < 2; ++j) {
      CAPTURE(i);
      CAPTURE(j);
      const TemperatureBounds range = {.low = bounds[2 * j], .high = bounds[2 * j + 1]};
      const double want = expected[2 * i + j];
      CHECK(std::abs(fit_temperature(logits, labels, k[i], range) / want - 1) <= 1e-9);
      const auto logs = log_probabilities(logits, static_cast<size_t>(k[i]));
      CHECK(std::abs(fit_temperature(logs, labels, k[i], range) / want - 1) <= 1e-9);
    }
    label_at += samples;
    logit_at += values;
  }
}

TEST_CASE("temperature: a closed form") {
  // Three of four right with the same two logits (a, 0): p = 3/4 needs a/T = log 3.
  const std::vector<double> logits = {5, 0, 5, 0, 5, 0, 5, 0};
  CHECK(fit_temperature(logits, Labels{0, 0, 0, 1}, 2) == doctest::Approx(5 / std::log(3.0)).epsilon(1e-12));
}

TEST_CASE("temperature: sets without an inner optimum") {
  CHECK(fit_temperature(std::vector<double>{2, 1, 0, 3}, Labels{0, 1}, 2) == 0.05);  // separable
  CHECK(fit_temperature(std::vector<double>{2e4, 0, 0, 3e4}, Labels{0, 1}, 2) == 0.05);
  CHECK(fit_temperature(std::vector<double>{2, 1, 0, 3}, Labels{1, 0}, 2) == 20);
  CHECK(fit_temperature(std::vector<double>{7, 7, -1, -1}, Labels{0, 1}, 2) == 1);  // no contrast
  CHECK(fit_temperature(std::vector<double>{7, 7}, Labels{0}, 2, {.low = 2, .high = 3}) == 2);
  CHECK(fit_temperature(std::vector<double>{7}, Labels{0}, 1) == 1);
}

TEST_CASE("temperature: what does not fit is refused") {
  const std::vector<double> logits = {1, 2, 3, 4};
  CHECK_THROWS_AS(fit_temperature(logits, Labels{0}, 2), Error);
  CHECK_THROWS_AS(fit_temperature({}, {}, 2), Error);
  CHECK_THROWS_AS(fit_temperature(logits, Labels{0, 2}, 2), Error);
  CHECK_THROWS_AS(fit_temperature(std::vector<double>{0, -INFINITY}, Labels{0}, 2), Error);
  CHECK_THROWS_AS(fit_temperature(logits, Labels{0, 1}, 2, {.low = 0, .high = 3}), Error);
  CHECK_THROWS_AS(fit_temperature(logits, Labels{0, 1}, 2, {.low = 4, .high = 3}), Error);
}
