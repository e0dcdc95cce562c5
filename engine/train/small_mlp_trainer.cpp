// SPDX-License-Identifier: MIT
#include "mellow/engine/train/small_mlp_trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "mellow/engine/core/error.h"
#include "mellow/engine/core/random.h"
#include "mellow/engine/internal/small_mlp.h"
#include "mellow/engine/train/metrics.h"

namespace mellow {
namespace {

std::vector<int64_t> widths_of(const SmallMlpOptions& o) {
  std::vector<int64_t> widths = {o.features};
  widths.insert(widths.end(), o.hidden.begin(), o.hidden.end());
  widths.push_back(o.classes);
  return widths;
}

template <class T>
double nll_of_row(const T* z, int32_t label, int64_t classes) {
  const auto largest = static_cast<double>(*std::max_element(z, z + classes));
  double total = 0;
  for (int64_t c = 0; c < classes; ++c) total += std::exp(static_cast<double>(z[c]) - largest);
  return largest + std::log(total) - static_cast<double>(z[label]);
}

// The permutation of an epoch (Fisher and Yates).
void shuffle(uint64_t seed, int64_t epoch, std::vector<int32_t>& order) {
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i > 1; --i) {
    const RandomWords w = random_words(seed, RandomStream::shuffle, static_cast<uint64_t>(epoch), i);
    std::swap(order[i - 1], order[below(i, w[0], w[1])]);
  }
}

void check(const SmallMlpOptions& o, const TableView& set, const char* which) {
  MELLOW_CHECK(!set.labels.empty() && std::ssize(set.x) == std::ssize(set.labels) * o.features,
               "[small_mlp] the ", which, " set needs at least one row and ", o.features,
               " features per label, got ", set.labels.size(), " labels and ", set.x.size(), " values");
  for (const int32_t label : set.labels)
    MELLOW_CHECK(label >= 0 && label < o.classes, "[small_mlp] the ", which, " set has label ", label,
                 ", classes are 0 to ", o.classes - 1);
}

}  // namespace

SmallMlpTrainer::SmallMlpTrainer(const SmallMlpOptions& options) : options_(options) {
  MELLOW_CHECK(options.lr > 0 && options.max_epochs > 0 && options.patience > 0,
               "[small_mlp] learning rate, epochs and patience must be positive, got ", options.lr, ", ",
               options.max_epochs, " and ", options.patience);
  network_ = std::make_unique<internal::SmallMlp>(widths_of(options), options.batch_size);
}

SmallMlpTrainer::~SmallMlpTrainer() = default;

// PyTorch's default of a linear layer: weights and biases from U(±1/√fan_in).
void SmallMlpTrainer::initialise(uint64_t seed) {
  std::vector<float> parameters;
  const std::vector<int64_t> widths = widths_of(options_);
  for (size_t layer = 0; layer + 1 < widths.size(); ++layer) {
    const float bound = 1 / std::sqrt(static_cast<float>(widths[layer]));
    const int64_t count = (widths[layer] + 1) * widths[layer + 1];
    RandomWords words{};
    for (int64_t i = 0; i < count; ++i) {
      if (i % 4 == 0) words = random_words(seed, RandomStream::init, layer, static_cast<uint64_t>(i / 4));
      parameters.push_back(bound * (2 * uniform_from(words[static_cast<size_t>(i % 4)]) - 1));
    }
  }
  network_->set_parameters(parameters);
  step_ = 0;
}

void SmallMlpTrainer::run_epoch(uint64_t seed, int64_t epoch) {
  shuffle(seed, epoch, order_);
  const auto features = static_cast<size_t>(options_.features),
             classes = static_cast<size_t>(options_.classes);
  const auto batch = static_cast<size_t>(options_.batch_size);
  for (size_t begin = 0; begin < order_.size(); begin += batch) {
    batch_x_.clear();
    batch_targets_.clear();
    const size_t rows = std::min(batch, order_.size() - begin);
    for (size_t i = begin; i < begin + rows; ++i) {
      const auto row = static_cast<size_t>(order_[i]);
      const auto x = x_.subspan(row * features, features);
      const auto q = std::span(targets_).subspan(row * classes, classes);
      batch_x_.insert(batch_x_.end(), x.begin(), x.end());
      batch_targets_.insert(batch_targets_.end(), q.begin(), q.end());
    }
    network_->gradient(batch_x_, batch_targets_, static_cast<int64_t>(rows));
    network_->adam(options_.lr, ++step_);
  }
}

double SmallMlpTrainer::validation_nll(const TableView& validation) {
  const int64_t rows = std::ssize(validation.labels), classes = options_.classes;
  z_.resize(static_cast<size_t>(rows * classes));
  network_->logits(validation.x, rows, z_.data());
  double total = 0;
  for (int64_t i = 0; i < rows; ++i)
    total += nll_of_row(z_.data() + i * classes, validation.labels[static_cast<size_t>(i)], classes);
  return total / static_cast<double>(rows);
}

TrainedMlp SmallMlpTrainer::train(const TableView& train, std::span<const double> targets,
                                  const TableView& validation, uint64_t seed) {
  check(options_, train, "training");
  check(options_, validation, "validation");
  MELLOW_CHECK(std::ssize(targets) == std::ssize(train.labels) * options_.classes, "[small_mlp] ",
               train.labels.size(), " training rows need ", options_.classes, " targets each, got ",
               targets.size(), " values");
  x_ = train.x;
  targets_.assign(targets.begin(), targets.end());
  order_.resize(train.labels.size());
  initialise(seed);
  TrainedMlp out;
  out.validation_nll = std::numeric_limits<double>::infinity();
  for (int64_t epoch = 1; epoch <= options_.max_epochs && epoch - out.best_epoch <= options_.patience;
       ++epoch) {
    run_epoch(seed, epoch);
    out.epochs = epoch;
    const double nll = validation_nll(validation);
    if (!(nll < out.validation_nll)) continue;
    out.validation_nll = nll;
    out.best_epoch = epoch;
    network_->save(out.snapshot);
  }
  if (out.best_epoch == 0)
    throw Error(text("[small_mlp] the validation cross-entropy was never finite in ", out.epochs,
                     " epochs; lower the learning rate from ", options_.lr));
  return out;
}

std::vector<double> SmallMlpTrainer::logits(const TrainedMlp& network, std::span<const float> x) {
  const int64_t rows = std::ssize(x) / options_.features;
  network_->restore(network.snapshot);
  z_.resize(static_cast<size_t>(rows * options_.classes));
  network_->logits(x, rows, z_.data());
  return {z_.begin(), z_.end()};
}

double mean_nll(std::span<const double> logits, std::span<const int32_t> labels, int64_t classes) {
  check_scored("mean_nll", logits, labels, classes);
  double total = 0;
  for (size_t i = 0; i < labels.size(); ++i)
    total += nll_of_row(logits.data() + i * static_cast<size_t>(classes), labels[i], classes);
  return total / static_cast<double>(labels.size());
}

}  // namespace mellow
