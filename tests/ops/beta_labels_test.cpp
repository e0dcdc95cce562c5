// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "mellow/engine/internal/on_device.h"
#include "mellow/engine/ops/beta_labels.h"
#include "mellow/engine/ops/draws.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/files.h"

using namespace mellow;
using namespace mellow::test;

namespace {

// One batch: sample numbers, and what the judging network says of each.
struct Judgement {
  int64_t classes;
  std::vector<int32_t> labels, index;
  std::vector<float> probabilities;
};

std::vector<float> beta_rows(Context& context, const Judgement& j, const BetaLabelOptions& options,
                             int64_t step, float untouched = -7) {
  const auto samples = static_cast<int64_t>(j.labels.size()), batch = static_cast<int64_t>(j.index.size());
  const Tensor out = Tensor::from(context, {samples, j.classes},
                                  std::vector<float>(static_cast<size_t>(samples * j.classes), untouched));
  internal::on_device(context, [&](auto& device) {
    beta_labels(device, Tensor::from(context, {batch, j.classes}, j.probabilities),
                Tensor::from(context, {samples}, j.labels), Tensor::from(context, {batch}, j.index),
                Tensor::from(context, {1}, std::vector<int64_t>{step}), options, out);
  });
  return out.to_vector<float>();
}

// The draws of a step, Beta(a, 1) by inversion, smallest first.
std::vector<double> sorted_draws(const BetaLabelOptions& options, int64_t step, size_t count) {
  std::vector<double> draws(count);
  for (size_t k = 0; k < count; ++k)
    draws[k] = std::pow(static_cast<double>(beta_uniform(options.seed, step, static_cast<int64_t>(k))),
                        1 / options.shape);
  std::sort(draws.begin(), draws.end());
  return draws;
}

}  // namespace

TEST_CASE("beta_labels: the surest sample gets the largest draw, the others stay as they were") {
  for (Device device : devices()) {
    CAPTURE(name_of(device));
    Context context(strict(device));
    // Confidences of samples 4, 0, 3, 5 in their classes 1, 0, 0, 2: .2, .9, .5, .6 → ranks 0, 3, 1, 2.
    const Judgement j{
        3, {0, 1, 2, 0, 1, 2}, {4, 0, 3, 5}, {.7f, .2f, .1f, .9f, .05f, .05f, .5f, .1f, .4f, .2f, .2f, .6f}};
    const BetaLabelOptions options{.weight = .6, .shape = 5, .seed = 11};
    const auto rows = beta_rows(context, j, options, 3);
    const auto draws = sorted_draws(options, 3, 4);
    const std::vector<std::pair<size_t, size_t>> ranks = {{4, 0}, {0, 3}, {3, 1}, {5, 2}};
    for (const auto& [sample, rank] : ranks) {
      CAPTURE(sample);
      const auto label = static_cast<size_t>(j.labels[sample]);
      for (size_t c = 0; c < 3; ++c) {
        const double expected = c == label ? .4 + .6 * draws[rank] : .6 * (1 - draws[rank]) / 2;
        CHECK(static_cast<double>(rows[sample * 3 + c]) == doctest::Approx(expected).epsilon(1e-6));
      }
    }
    for (const size_t sample : {1, 2})
      for (size_t c = 0; c < 3; ++c) CHECK(rows[sample * 3 + c] == -7);
  }
}

TEST_CASE("beta_labels: equal confidences go by place, no number is the least") {
  for (Device device : devices()) {
    CAPTURE(name_of(device));
    Context context(strict(device));
    const float nan = std::nanf("");
    const Judgement j{2, {0, 0, 0, 0}, {0, 1, 2, 3}, {.5f, .5f, nan, nan, .5f, .5f, nan, nan}};
    const BetaLabelOptions options{.weight = 1, .shape = 2, .seed = 1};
    const auto rows = beta_rows(context, j, options, 1);
    const auto draws = sorted_draws(options, 1, 4);
    const size_t ranks[] = {2, 0, 3, 1};
    for (size_t i = 0; i < 4; ++i)
      CHECK(static_cast<double>(rows[i * 2]) == doctest::Approx(draws[ranks[i]]).epsilon(1e-6));
  }
}

TEST_CASE("beta_labels: the expected mass on the class is 1 - weight / (shape + 1)") {
  // weight / epsilon - 1 gives 1 - epsilon. Four standard errors: sd(b) = sqrt(a / (a + 2)) / (a + 1).
  constexpr int64_t batch = 37, steps = 150;
  for (Device device : devices())
    for (const double epsilon : {.05, .1, .3}) {
      CAPTURE(epsilon);
      Context context(strict(device));
      const BetaLabelOptions options{.weight = .6, .shape = .6 / epsilon - 1, .seed = 5};
      Judgement j{4, std::vector<int32_t>(batch, 1), {}, {}};
      for (int32_t i = 0; i < batch; ++i) j.index.push_back(i);
      const auto random = random_values(batch * 4, 3, 0, 1);
      j.probabilities.assign(random.begin(), random.end());
      double mass = 0;
      for (int64_t step = 1; step <= steps; ++step) {
        const auto rows = beta_rows(context, j, options, step);
        for (size_t i = 0; i < static_cast<size_t>(batch); ++i) {
          mass += static_cast<double>(rows[i * 4 + 1]);
          REQUIRE(rows[i * 4] + rows[i * 4 + 1] + rows[i * 4 + 2] + rows[i * 4 + 3] ==
                  doctest::Approx(1).epsilon(1e-6));
          REQUIRE(rows[i * 4 + 1] >= .4f);
        }
      }
      constexpr double draws = batch * steps;
      const double a = options.shape, deviation = .6 * std::sqrt(a / (a + 2)) / (a + 1);
      CHECK(std::abs(mass / draws - (1 - epsilon)) < 4 * deviation / std::sqrt(draws));
    }
}

TEST_CASE("beta_labels: seed and step decide") {
  for (Device device : devices()) {
    Context context(strict(device));
    const Judgement j{2, {0, 1}, {1, 0}, {.5f, .5f, .2f, .8f}};
    const auto rows = beta_rows(context, j, {.seed = 2}, 4);
    CHECK(rows == beta_rows(context, j, {.seed = 2}, 4));
    CHECK(rows != beta_rows(context, j, {.seed = 2}, 5));
    CHECK(rows != beta_rows(context, j, {.seed = 3}, 4));
  }
}

TEST_CASE("beta_labels names what does not fit") {
  Context context(strict(Device::cpu));
  const auto refusal = [&](const Judgement& j) { return message_of([&] { beta_rows(context, j, {}, 1); }); };
  CHECK(contains(refusal({2, {0, 1}, {2}, {.5f, .5f}}), "index[0] is 2, there are 2 samples"));
  CHECK(contains(refusal({2, {0, 2}, {1}, {.5f, .5f}}), "sample 1 has label 2, there are 2 classes"));
  CHECK(contains(refusal({1, {0}, {0}, {1}}), "at least two classes"));
  const Tensor p = Tensor::zeros(context, {1, 2}), labels = Tensor::zeros(context, {1}, DType::i32);
  CHECK_THROWS_AS(beta_labels(context.cpu(), p, labels, labels, labels, {}, p), Error);  // step is i64
}
