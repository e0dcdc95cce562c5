// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
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

struct ProtocolResult {
  int64_t epoch = 0;
  Metrics test;
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
  bool has_weights(Protocol protocol) const;

  NamedArrays save() const;
  void load(const NamedArrays& state, const std::string& where);

 private:
  struct Best {
    double value;
    int64_t epoch = 0;
    Snapshot weights;
  };
  void after_epoch(const EpochReport& report, const FitEvents& events);
  void finish();

  Trainer& trainer_;
  Student student_;
  const LabelledSet *test_, *validation_;
  FitOptions options_;
  Best train_loss_, validation_nll_;
  Snapshot last_;
  std::map<Protocol, ProtocolResult> results_;
};

}  // namespace mellow
