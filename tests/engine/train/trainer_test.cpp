// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include <doctest/doctest.h>

#include "mellow/engine/nn/state.h"
#include "mellow/engine/optim/adam.h"
#include "mellow/engine/train/fit.h"
#include "mellow/engine/train/trainer.h"
#include "mellow/models/make_model.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/files.h"

using namespace mellow;
using namespace mellow::test;

namespace {

// Two classes that differ in frequency, a little noise: 11 series, so that the last batch of 4 is smaller.
LabelledSet waves(Context& context, int64_t samples = 11, int64_t length = 24, int64_t channels = 1) {
  std::vector<float> values;
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < samples; ++i) {
    labels.push_back(static_cast<int32_t>(i % 2));
    for (int64_t t = 0; t < length * channels; ++t) {
      const double noise = uniform_from(
          random_words(2, RandomStream::test, static_cast<uint64_t>(i), static_cast<uint64_t>(t))[0]);
      values.push_back(static_cast<float>(
          std::sin((i % 2 ? 0.9 : 0.4) * static_cast<double>(t) + 0.3 * static_cast<double>(i)) +
          0.2 * noise));
    }
  }
  return make_labelled_set(context, {samples, length, channels}, values, labels, 2);
}

// A small training: everything it borrows, in one place.
struct Training {
  explicit Training(Context& context, const std::string& name = "inception-time-1", uint64_t seed = 1,
                    double rate = 1e-3)
      : set(waves(context)),
        model(make_model(name, {&context}, {.channels = 1, .classes = 2, .length = 24})),
        flat(started(*model, seed)),
        adam(flat),
        schedule(make_schedule({.name = "plateau", .rate = rate, .patience = 2})),
        student{*model, flat, adam, *schedule},
        trainer(student, set, {}, {}, {.batch_size = 4, .seed = seed}) {}
  static Module& started(Module& module, uint64_t seed) {
    initialize(module, seed);
    return module;
  }
  LabelledSet set;
  std::unique_ptr<Classifier> model;
  FlatParameters flat;
  Adam adam;
  std::unique_ptr<Schedule> schedule;
  Student student;
  Trainer trainer;
};

}  // namespace

TEST_CASE("every model learns a small set by heart") {
  for (const Device device : devices()) {
    for (const ModelEntry& entry : model_entries()) {
      CAPTURE(entry.name);
      Context context(strict(device));
      Training t(context, entry.name, 1, 3e-3);
      double loss = 0;
      for (int epoch = 0; epoch < 40; ++epoch) loss = t.trainer.run_epoch()->loss;
      CHECK(loss < 0.1);
      CHECK(evaluate(*t.model, t.set).accuracy == 1);
    }
  }
}

TEST_CASE("the same seed gives the same bytes, another seed others") {
  for (const Device device : devices()) {
    Context context(strict(device));
    const auto weights = [&](uint64_t seed) {
      Training t(context, "inception-time-2", seed);
      for (int epoch = 0; epoch < 3; ++epoch) t.trainer.run_epoch();
      return state_of(*t.model);
    };
    const NamedArrays first = weights(4);
    CHECK(first == weights(4));
    CHECK(!(first == weights(5)));
  }
}

TEST_CASE("trainers that take turns on one context each give what they give alone") {
  for (const Device device : devices()) {
    const auto alone = [&](uint64_t seed) {
      Context context(strict(device));
      Training t(context, "lstm-fcn", seed);
      for (int epoch = 0; epoch < 3; ++epoch) t.trainer.run_epoch();
      return state_of(*t.model);
    };
    Context context(strict(device));
    Training first(context, "lstm-fcn", 4);
    first.trainer.run_epoch();
    Training second(context, "lstm-fcn", 5);
    first.trainer.run_epoch();
    second.trainer.run_epoch([&] {  // between any two steps of the second
      if (first.trainer.epoch() < 3) first.trainer.run_epoch();
      return false;
    });
    while (second.trainer.epoch() < 3) second.trainer.run_epoch();
    CHECK(state_of(*first.model) == alone(4));
    CHECK(state_of(*second.model) == alone(5));
  }
}

TEST_CASE("a model's parameters may be flattened again while it trains; those of another are refused") {
  Context context(strict(Device::cpu));
  Training t(context, "mlp"), expected(context, "mlp"), other(context, "mlp");
  const FlatParameters again(*t.model);
  for (Training* each : {&t, &expected}) each->trainer.run_epoch();
  CHECK(state_of(*t.model) == state_of(*expected.model));
  const Student mixed{*t.model, other.flat, other.adam, *other.schedule};
  CHECK(contains(message_of([&] { Trainer(mixed, t.set, {}, {}, {}); }), "Student::parameters"));
}

TEST_CASE("an epoch that ends in an exception leaves the model in evaluation mode") {
  Context context(strict(Device::cpu));
  Training t(context);
  CHECK_THROWS_AS(t.trainer.run_epoch([]() -> bool { throw Error("enough"); }), Error);
  CHECK(!t.model->training());
  Trainer refused(t.student, t.set, {.q1 = {Tensor::zeros(context, {3, 3}), false}}, {}, {.batch_size = 4});
  CHECK_THROWS_AS(refused.run_epoch(), Error);
  CHECK(!t.model->training());
}

TEST_CASE("a training stopped at any step and loaded elsewhere goes on to the same bytes") {
  for (const Device device : devices()) {
    Context context(strict(device));
    Training whole(context);
    std::vector<double> losses;
    for (int epoch = 0; epoch < 4; ++epoch) losses.push_back(whole.trainer.run_epoch()->loss);
    const NamedArrays expected = whole.trainer.save();
    for (int stop_after = 0; stop_after < 12; ++stop_after) {
      CAPTURE(stop_after);
      NamedArrays saved;
      {
        Training t(context);
        int steps = 0;
        while (t.trainer.run_epoch([&] { return steps++ == stop_after; })) {
        }
        saved = t.trainer.save();
      }
      Training resumed(context);
      resumed.trainer.load(saved, "checkpoint");
      while (resumed.trainer.epoch() < 4) {
        const auto report = resumed.trainer.run_epoch();
        REQUIRE(report.has_value());
        CHECK(report->loss == losses[static_cast<size_t>(report->epoch - 1)]);
      }
      NamedArrays got = resumed.trainer.save();
      CHECK(got == expected);
    }
  }
}

TEST_CASE("a step allocates nothing after the first epoch") {
  Context context(strict(Device::cpu));
  Training t(context, "inception-time");
  t.trainer.run_epoch();
  t.trainer.run_epoch();
  const size_t before = context.memory().system_allocations;
  for (int epoch = 0; epoch < 3; ++epoch) t.trainer.run_epoch();
  CHECK(context.memory().system_allocations == before);
}

TEST_CASE("a damaged or foreign checkpoint is refused") {
  Context context(strict(Device::cpu));
  Training t(context);
  t.trainer.run_epoch();
  NamedArrays state = t.trainer.save();
  Training other(context, "inception-time-2");
  CHECK_THROWS_AS(other.trainer.load(state, "run"), Error);
  std::erase_if(state.arrays, [](const auto& entry) { return entry.first == "optimizer.second"; });
  CHECK(
      contains(message_of([&] { t.trainer.load(state, "run/checkpoint.safetensors"); }), "optimizer.second"));
}

TEST_CASE("fit: protocols, evaluations and resuming") {
  Context context(strict(Device::cpu));
  const LabelledSet test = waves(context, 8), validation = waves(context, 6);
  struct Seen {
    std::vector<int64_t> epochs, evaluations;
  };
  const auto events = [](Seen& seen, std::function<bool()> stop) {
    return FitEvents{
        .epoch = [&seen](const EpochReport& r) { seen.epochs.push_back(r.epoch); },
        .evaluation = [&seen](const EvaluationReport& r) { seen.evaluations.push_back(r.training.epoch); },
        .stop = std::move(stop)};
  };
  Training whole(context);
  Fit fit(whole.trainer, whole.student, &test, &validation, {.epochs = 12, .evaluate_every = 5});
  Seen seen;
  REQUIRE(fit.run(events(seen, {})));
  CHECK(seen.epochs.size() == 12);
  CHECK(seen.evaluations == std::vector<int64_t>{5, 10, 12});
  REQUIRE(fit.results().size() == 4);
  CHECK(fit.results().at(Protocol::last).epoch == 12);
  const int64_t at_5 = fit.results().at(Protocol::best_test_at_5).epoch;
  CHECK((at_5 == 5 || at_5 == 10));

  // The kept weights are those of the named epoch.
  const auto& best = fit.results().at(Protocol::best_train_loss);
  fit.select(Protocol::best_train_loss);
  CHECK(evaluate(*whole.model, test).nll == best.test.nll);
  REQUIRE(best.train.has_value());
  CHECK(evaluate(*whole.model, whole.trainer.set()).nll == best.train->nll);

  // The temperature is the validation set's best: none nearby has a lower NLL there.
  REQUIRE(best.scaled.has_value());
  const auto logits = logits_of(*whole.model, validation.x);
  const auto nll_at = [&](double temperature) {
    return score(probabilities_of(logits, 2, temperature), validation.truth, 2).nll;
  };
  const double temperature = best.scaled->temperature;
  for (const double nearby : {0.99, 1.01})
    CHECK((nll_at(temperature) <= nll_at(temperature * nearby) || temperature == 0.05 || temperature == 20));
  CHECK(best.scaled->test.accuracy == best.test.accuracy);
  CHECK(!fit.results().at(Protocol::best_test_at_5).train.has_value());
  CHECK(!fit.results().at(Protocol::best_test_at_5).scaled.has_value());
  fit.select(Protocol::last);
  CHECK(evaluate(*whole.model, test).nll == fit.results().at(Protocol::last).test.nll);
  CHECK_THROWS_AS(fit.select(Protocol::best_test_at_5), Error);

  // Stopped in the seventh epoch, saved, loaded into a new Fit.
  NamedArrays saved;
  {
    Training t(context);
    Fit first(t.trainer, t.student, &test, &validation, {.epochs = 12, .evaluate_every = 5});
    int steps = 0;
    Seen early;
    REQUIRE(!first.run(events(early, [&] { return steps++ == 19; })));
    saved = first.save();
  }
  Training t(context);
  Fit second(t.trainer, t.student, &test, &validation, {.epochs = 12, .evaluate_every = 5});
  second.load(saved, "checkpoint");
  Seen late;
  REQUIRE(second.run(events(late, {})));
  CHECK(late.evaluations == std::vector<int64_t>{10, 12});
  for (const auto& [protocol, result] : fit.results()) {
    CAPTURE(name_of(protocol));
    CHECK(second.results().at(protocol).epoch == result.epoch);
    CHECK(second.results().at(protocol).test.nll == result.test.nll);
    REQUIRE(second.results().at(protocol).scaled.has_value() == result.scaled.has_value());
    if (result.scaled) CHECK(second.results().at(protocol).scaled->temperature == result.scaled->temperature);
  }
}

TEST_CASE("fit: saved results of a protocol that does not exist are refused") {
  Context context(strict(Device::cpu));
  const LabelledSet test = waves(context, 8);
  Training t(context);
  Fit fit(t.trainer, t.student, &test, nullptr, {.epochs = 1});
  REQUIRE(fit.run({}));
  NamedArrays state = fit.save();
  auto& results = std::find_if(state.arrays.begin(), state.arrays.end(), [](const auto& entry) {
                    return entry.first == "results";
                  })->second;
  auto rows = host_values<double>(results, "results");
  for (const double bad : {-1.0, 4.0, std::nan("")}) {
    rows[0] = bad;
    results = host_array(rows);
    CHECK(contains(message_of([&] { fit.load(state, "run/checkpoint.safetensors"); }), "unknown protocol"));
  }
}

TEST_CASE("fit without a test set keeps weights but claims no results") {
  Context context(strict(Device::cpu));
  Training t(context);
  Fit fit(t.trainer, t.student, nullptr, nullptr, {.epochs = 2});
  REQUIRE(fit.run({}));
  CHECK(fit.results().empty());
  CHECK(fit.has_weights(Protocol::best_train_loss));
  CHECK(contains(message_of([&] { fit.select(Protocol::best_validation); }), "validation"));
}

TEST_CASE("a loss that is not a number ends the run with advice") {
  Context context(strict(Device::cpu));
  Training t(context, "inception-time-1", 1, 1e30);
  Fit fit(t.trainer, t.student, nullptr, nullptr, {.epochs = 30});
  CHECK(contains(message_of([&] { fit.run({}); }), "learning rate"));
}
