// SPDX-License-Identifier: MIT
#include <cmath>

#include <doctest/doctest.h>

#include "mellow/engine/core/error.h"
#include "mellow/losses/instance_smoothing.h"

using namespace mellow;

namespace {

void check_rows(const std::vector<double>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  for (size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-12));
}

}  // namespace

// The values the paper's curve has at P1 = 0.8, P2 = 2.
TEST_CASE("instance_epsilon: a parabola, cut at 0.2") {
  CHECK(instance_epsilon(1, 0.8, 2) == doctest::Approx(0.08));
  CHECK(instance_epsilon(0.8, 0.8, 2) == 0);
  CHECK(instance_epsilon(0.5, 0.8, 2) == doctest::Approx(0.18));
  CHECK(instance_epsilon(0.484, 0.8, 2) < 0.2);
  CHECK(instance_epsilon(0.483, 0.8, 2) == 0.2);
  CHECK(instance_epsilon(0, 0.8, 2) == 0.2);
}

TEST_CASE("smoothed_labels: the true class gets 1 - eps + eps/K") {
  check_rows(smoothed_labels(std::vector<int32_t>{2, 0}, 3, std::vector<double>{0.3, 0}),
             {0.1, 0.1, 0.8, 1, 0, 0});
}

TEST_CASE("teacher_shaped_labels: the others share eps as the teacher does") {
  const std::vector<double> logits = {std::log(0.5), std::log(0.3), std::log(0.2)};
  const std::vector<int32_t> labels = {0};
  check_rows(teacher_shaped_labels(labels, 3, std::vector<double>{0.1}, logits, 1), {0.9, 0.06, 0.04});
  const double a = std::sqrt(0.3), b = std::sqrt(0.2);
  check_rows(teacher_shaped_labels(labels, 3, std::vector<double>{0.1}, logits, 2),
             {0.9, 0.1 * a / (a + b), 0.1 * b / (a + b)});
  // A teacher without doubt: p_y is 1 in double, the shares are still there.
  check_rows(
      teacher_shaped_labels(labels, 3, std::vector<double>{0.1}, std::vector<double>{900, 0, std::log(3)}, 1),
      {0.9, 0.025, 0.075});
}

TEST_CASE("instance smoothing refuses what does not fit") {
  const std::vector<int32_t> labels = {0, 3};
  CHECK_THROWS_WITH_AS(smoothed_labels(labels, 3, std::vector<double>{0.1, 0.1}),
                       "[instance_smoothing] label 3 lies outside [0, 3)", Error);
  CHECK_THROWS_AS(smoothed_labels(labels, 4, std::vector<double>{0.1}), Error);
  CHECK_THROWS_AS(teacher_shaped_labels(labels, 4, std::vector<double>{0.1, 0.1}, std::vector<double>(7), 1),
                  Error);
  CHECK_THROWS_AS(teacher_shaped_labels(labels, 4, std::vector<double>{0.1, 0.1}, std::vector<double>(8), 0),
                  Error);
}
