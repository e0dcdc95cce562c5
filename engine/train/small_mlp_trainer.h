// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace mellow {

namespace internal {
class SmallMlp;
}

// Rows of features with class labels; the caller owns the arrays.
struct TableView {
  std::span<const float> x;  // [rows, features]
  std::span<const int32_t> labels;
};

struct SmallMlpOptions {
  int64_t features = 2, classes = 3;
  std::vector<int64_t> hidden = {64, 64, 64, 64, 64};
  double lr = 1e-2;
  int64_t batch_size = 32, max_epochs = 500;
  int64_t patience = 10;  // epochs without a lower validation cross-entropy before training stops
};

struct TrainedMlp {
  std::vector<float> snapshot;  // weights of the best validation epoch, as SmallMlpTrainer::logits reads them
  double validation_nll = 0;    // mean −log p_y of that epoch
  int64_t best_epoch = 0, epochs = 0;
};

// Trains ReLU multilayer perceptrons of one shape on soft labels, one after another on the calling thread:
// Adam (β .9 and .999, no decay), batches of a fresh permutation per epoch with a smaller last one, weights
// and biases started from U(±1/√fan_in), early stopping on hard-label validation cross-entropy, best weights
// kept. All randomness comes from the seed of each training (engine/core/random.h), so a training's result
// depends neither on those before it nor on the thread. A trainer belongs to one thread at a time.
class SmallMlpTrainer {
 public:
  explicit SmallMlpTrainer(const SmallMlpOptions& options);
  ~SmallMlpTrainer();
  SmallMlpTrainer(const SmallMlpTrainer&) = delete;
  SmallMlpTrainer& operator=(const SmallMlpTrainer&) = delete;

  // targets q [rows of train, classes] sum to 1 per row; the labels of `train` are not read. Throws for sizes
  // that do not fit, labels out of range and empty sets.
  TrainedMlp train(const TableView& train, std::span<const double> targets, const TableView& validation,
                   uint64_t seed);
  // Logits [rows, classes] of a network trained by a trainer of the same shape.
  std::vector<double> logits(const TrainedMlp& network, std::span<const float> x);

 private:
  void initialise(uint64_t seed);
  void run_epoch(uint64_t seed, int64_t epoch);
  double validation_nll(const TableView& validation);

  SmallMlpOptions options_;
  std::unique_ptr<internal::SmallMlp> network_;
  int64_t step_ = 0;
  std::vector<int32_t> order_;
  std::span<const float> x_;                        // of the set being trained on
  std::vector<float> targets_;                      // likewise
  std::vector<float> batch_x_, batch_targets_, z_;  // scratch
};

// Mean −log softmax(z)_y of logits [rows, classes].
double mean_nll(std::span<const double> logits, std::span<const int32_t> labels, int64_t classes);

}  // namespace mellow
