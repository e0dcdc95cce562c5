// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "mellow/engine/core/step_graph.h"
#include "mellow/engine/io/safetensors.h"
#include "mellow/engine/nn/flat_parameters.h"
#include "mellow/engine/nn/model.h"
#include "mellow/engine/ops/soft_label_loss.h"
#include "mellow/engine/optim/optimizer.h"
#include "mellow/engine/optim/schedule.h"
#include "mellow/engine/train/labelled_set.h"
#include "mellow/engine/train/moving_labels.h"

namespace mellow {

struct EpochReport {
  int64_t epoch = 0;                // from 1
  double loss = 0, ce = 0, kl = 0;  // sample means over the epoch, in training mode: CE(q1, p), KL(q2 ‖ p_τ)
  double accuracy = 0;
  double rate = 0;  // learning rate
  double seconds = 0;
};

// What is trained, and how its weights move. All are borrowed and outlive the trainer.
struct Student {
  Classifier& model;
  FlatParameters& parameters;
  Optimizer& optimizer;
  Schedule& schedule;
};

struct TrainerOptions {
  int64_t batch_size = 128;  // the last batch of an epoch may be smaller
  uint64_t seed = 0;
};

// The training loop. A step gathers a batch, runs forward, loss, backward and the update; it asks the host
// nothing, and on CUDA it is captured once per batch size and replayed. Totals are read once per epoch.
class Trainer {
 public:
  // `soft` gives q1 and q2 of the loss; its labels and index are filled in from the set. `moving`, borrowed
  // too, rewrites them as training goes; null: they stay.
  Trainer(const Student& student, const LabelledSet& set, const SoftLabelTargets& soft,
          const SoftLabelWeights& weights, const TrainerOptions& options, MovingLabels* moving = nullptr);

  // Trains to the end of the current epoch; asks `stop` between steps and returns nothing when it said yes.
  // The next call goes on where this one stopped.
  std::optional<EpochReport> run_epoch(const std::function<bool()>& stop = {});

  int64_t epoch() const { return epoch_; }  // finished epochs
  int64_t samples() const { return set_.samples(); }
  const LabelledSet& set() const { return set_; }

  // Everything that resuming needs, exact to the bit; load() throws when it does not fit.
  NamedArrays save() const;
  void load(const NamedArrays& state, const std::string& where);

 private:
  struct Batch {
    Tensor x, index;
    StepGraph graph;
    Batch(Context& context, const Shape& shape, int64_t size);
  };
  std::vector<std::pair<std::string, Tensor>> tensors() const;
  void begin_epoch();
  void run_step(Batch& batch);
  EpochReport end_epoch();

  Student student_;
  LabelledSet set_;
  SoftLabelTargets soft_;
  SoftLabelWeights weights_;
  TrainerOptions options_;
  MovingLabels* moving_;
  Context& context_;
  Tensor order_, position_, step_, rate_, totals_;
  std::unique_ptr<Batch> full_, last_;
  int64_t epoch_ = 0, batch_ = 0;  // finished epochs, finished batches of the current one
  double seconds_ = 0;             // spent in the current epoch
};

}  // namespace mellow
