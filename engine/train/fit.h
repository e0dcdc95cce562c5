// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "mellow/engine/train/evaluate.h"
#include "mellow/engine/train/trainer.h"

namespace mellow {

// Which weights count, always named with a result (the papers differ: docs/methods.md).
enum class Protocol {
  last,             // after the last epoch
  best_train_loss,  // lowest training loss of an epoch
  best_validation,  // lowest validation NLL at an evaluation
  best_test_at_5    // highest test accuracy of every fifth epoch, chosen on test data; needs evaluate_every 1
                    // or 5
};
const char* name_of(Protocol protocol);

// The test set's scores once its logits are divided by a temperature.
struct TemperatureResult {
  double temperature = 1;  // fitted to the validation set's logits with the same weights
  Metrics test;
};

struct ProtocolResult {
  int64_t epoch = 0;
  Metrics test;
  // Only with weights that are kept, after the last epoch: not for best_test_at_5.
  std::optional<Metrics> train;             // the training set in evaluation mode
  std::optional<TemperatureResult> scaled;  // with a validation set
};

struct FitOptions {
  int64_t epochs = 1000;
  int64_t evaluate_every = 5;  // epochs; the last one is always evaluated
};

struct EvaluationReport {
  EpochReport training;
  std::optional<Metrics> test, validation;
};

struct FitEvents {
  std::function<void(const EpochReport&)> epoch;            // after each epoch
  std::function<void(const EvaluationReport&)> evaluation;  // after each evaluation
  std::function<bool()> stop;                               // asked between steps: true ends the run
};

// Trains for a number of epochs, evaluates on the way and keeps what each protocol needs.
class Fit {
 public:
  // `test` and `validation` may be null: protocols that need them have no result then.
  Fit(Trainer& trainer, const Student& student, const LabelledSet* test, const LabelledSet* validation,
      const FitOptions& options);

  // Returns false when `stop` ended it early: save() then keeps all that going on needs. At the end every
  // protocol's result is there.
  bool run(const FitEvents& events);

  const std::map<Protocol, ProtocolResult>& results() const { return results_; }
  // Puts the weights of a protocol into the model (best_test_at_5 keeps none). Only after run() returned
  // true.
  void select(Protocol protocol);
  bool has_weights(Protocol protocol) const { return weights_of(protocol) != nullptr; }

  NamedArrays save() const;
  void load(const NamedArrays& state, const std::string& where);

 private:
  // The weights with the lowest value so far.
  struct Best {
    double value = std::numeric_limits<double>::infinity();
    int64_t epoch = 0;
    Snapshot weights;
  };
  void after_epoch(const EpochReport& report, const FitEvents& events);
  void keep_if_lowest(Protocol protocol, double value, int64_t epoch);
  const Snapshot* weights_of(Protocol protocol) const;  // null when there are none
  void finish();
  ProtocolResult score_weights(int64_t epoch) const;

  Trainer& trainer_;
  Student student_;
  const LabelledSet *test_, *validation_;
  FitOptions options_;
  std::map<Protocol, Best> best_{{Protocol::best_train_loss, {}}, {Protocol::best_validation, {}}};
  Snapshot last_;
  std::map<Protocol, ProtocolResult> results_;
};

}  // namespace mellow
