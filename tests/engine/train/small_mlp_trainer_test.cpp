// SPDX-License-Identifier: MIT
#include <cmath>

#include <doctest/doctest.h>

#include "mellow/data/generate.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/train/metrics.h"
#include "mellow/engine/train/small_mlp_trainer.h"
#include "mellow/losses/instance_smoothing.h"

using namespace mellow;

namespace {

TableView view(const Mixture& m) { return {m.set.values, m.set.labels}; }

std::vector<double> one_hot(const Mixture& m) {
  return smoothed_labels(m.set.labels, 3, std::vector<double>(m.set.labels.size(), 0.0));
}

}  // namespace

TEST_CASE("small_mlp_trainer: learns the mixture, keeps the best epoch and forgets other trainings") {
  const Mixture train = generate_mixture(1, 0, 50), validation = generate_mixture(1, 1, 50),
                test = generate_mixture(1, 2, 1000);
  SmallMlpTrainer trainer({.lr = 3e-3});
  const TrainedMlp first = trainer.train(view(train), one_hot(train), view(validation), 7);
  CHECK(first.best_epoch >= 1);
  CHECK(first.epochs == first.best_epoch + 10);  // the patience
  CHECK(first.validation_nll < 0.8);
  const auto z = trainer.logits(first, validation.set.values);
  CHECK(mean_nll(z, validation.set.labels, 3) == doctest::Approx(first.validation_nll).epsilon(1e-6));
  const auto test_logits = trainer.logits(first, test.set.values);
  const auto p = probabilities_of(std::vector<float>(test_logits.begin(), test_logits.end()), 3);
  CHECK(score(p, test.set.labels, 3).accuracy > 0.7);

  const TrainedMlp other = trainer.train(view(train), one_hot(train), view(validation), 8);
  CHECK(other.snapshot != first.snapshot);
  const TrainedMlp again = trainer.train(view(train), one_hot(train), view(validation), 7);
  CHECK(again.snapshot == first.snapshot);
  CHECK(again.validation_nll == first.validation_nll);
}

TEST_CASE("small_mlp_trainer: soft targets are learned, not labels") {
  const Mixture train = generate_mixture(2, 0, 50), validation = generate_mixture(2, 1, 50);
  SmallMlpTrainer trainer({.lr = 3e-3, .max_epochs = 40, .patience = 40});
  const std::vector<double> uniform(train.set.labels.size() * 3, 1.0 / 3);
  const TrainedMlp network = trainer.train(view(train), uniform, view(validation), 1);
  CHECK(std::abs(network.validation_nll - std::log(3)) < 0.05);
}

TEST_CASE("small_mlp_trainer: what does not fit is refused") {
  const Mixture train = generate_mixture(3, 0, 4), validation = generate_mixture(3, 1, 4);
  SmallMlpTrainer trainer({});
  const auto q = one_hot(train);
  CHECK_THROWS_WITH_AS(trainer.train(view(train), std::span(q).first(30), view(validation), 1),
                       "[small_mlp] 12 training rows need 3 targets each, got 30 values", Error);
  CHECK_THROWS_AS(trainer.train({train.set.values, {}}, q, view(validation), 1), Error);
  CHECK_THROWS_AS(trainer.train(view(train), q, {validation.set.values, std::vector<int32_t>(12, 3)}, 1),
                  Error);
  CHECK_THROWS_AS(SmallMlpTrainer({.lr = 0}), Error);
  CHECK_THROWS_AS(mean_nll(q, std::vector<int32_t>(3), 3), Error);
}
