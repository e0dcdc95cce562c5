// SPDX-License-Identifier: MIT
#include "mellow/tools/estimate/measure.h"

#include <algorithm>
#include <functional>

#include "mellow/engine/core/random.h"
#include "mellow/engine/optim/adam.h"
#include "mellow/engine/train/evaluate.h"
#include "mellow/engine/train/pretrainer.h"
#include "mellow/engine/train/trainer.h"
#include "mellow/models/make_model.h"
#include "mellow/models/ts2vec.h"
#include "mellow/tools/estimate/stopwatch.h"
#include "mellow/tools/estimate/work.h"

namespace mellow::tools {
namespace {

constexpr int64_t classes = 5;
constexpr double longest_pass = 1.5, enough = 0.3;  // seconds
constexpr int most_passes = 20;

LabelledSet random_set(Context& context, const SetSize& size) {
  std::vector<float> values(static_cast<size_t>(size.train * size.length * size.channels));
  std::vector<int32_t> labels(static_cast<size_t>(size.train));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = uniform_from(random_words(1, RandomStream::test, 0, i)[0]) * 2 - 1;
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int32_t>(i % classes);
  return make_labelled_set(context, {size.train, size.length, size.channels}, values, labels, classes);
}

// The median of some passes, after one that fills caches and takes memory.
double median_seconds(const Context& context, const std::function<void()>& pass) {
  pass();
  std::vector<double> all;
  for (double spent = 0; spent < enough && all.size() < most_passes; spent += all.back()) {
    const Stopwatch watch(context);
    pass();
    all.push_back(watch.seconds());
  }
  std::nth_element(all.begin(), all.begin() + static_cast<ptrdiff_t>(all.size() / 2), all.end());
  return all[all.size() / 2];
}

// Small shapes first: what they took decides whether a larger one is affordable.
std::vector<SetSize> shapes(int64_t batch, int64_t channels) {
  const int64_t few = std::max<int64_t>(1, batch / 8);
  std::vector<SetSize> all;
  for (const int64_t length : {64, 256, 1024})
    for (const int64_t samples : {few, batch}) all.push_back({"", samples, 0, length, 1});
  all.insert(all.begin() + 2, {"", 3 * batch, 0, 64, 1});
  if (channels > 1)
    for (const int64_t length : {64, 256})
      all.push_back({"", few, 0, length, std::min<int64_t>(channels, 8)});
  return all;
}

// Leaves out shapes that would take too long at the pace of the one before.
class Pace {
 public:
  bool affords(double size) const { return per_size_ * size < longest_pass; }
  void took(double size, double seconds) { per_size_ = seconds / size; }

 private:
  double per_size_ = 0;
};

TaskCosts fitted(const std::vector<Measurement>& measurements) {
  const Counts costs = fit_costs(measurements);
  return {costs, largest_error(costs, measurements)};
}

void measure_shape(Context& context, const std::string& name, const SetSize& size, int64_t batch,
                   std::vector<Measurement>& training, std::vector<Measurement>& evaluation) {
  const LabelledSet set = random_set(context, size);
  const auto model =
      make_model(name, {&context}, {.channels = size.channels, .classes = classes, .length = size.length});
  initialize(*model, 1);
  FlatParameters flat(*model);
  Adam adam(flat);
  const auto schedule = make_schedule({});
  Trainer trainer({*model, flat, adam, *schedule}, set, {}, {}, {.batch_size = batch});
  training.push_back(
      {pass_counts(size.train, size, batch), median_seconds(context, [&] { trainer.run_epoch(); })});
  evaluation.push_back({pass_counts(size.train, size, evaluation_batch),
                        median_seconds(context, [&] { evaluate(*model, set); })});
}

// Of as few series as a pretraining batch has and, while that is affordable, of a whole batch: the small one
// may fit into the caches.
void measure_encoding(Context& context, StepEncoder& encoder, SetSize size,
                      std::vector<Measurement>& encoding) {
  Pace pace;
  for (const int64_t series : {size.train, encoding_batch}) {
    size.train = series;
    const auto steps = static_cast<double>(series * size.length);
    if (!pace.affords(steps)) continue;
    const LabelledSet set = random_set(context, size);
    const auto encode = [&] {
      encode_full_series(encoder, set.x);
      context.backend().synchronize();
    };
    encoding.push_back({pass_counts(series, size, encoding_batch), median_seconds(context, encode)});
    pace.took(steps, encoding.back().seconds);
  }
}

}  // namespace

ModelCosts measure_model(Context& context, const std::string& model, int64_t batch, int64_t channels) {
  std::vector<Measurement> training, evaluation;
  Pace pace;
  for (const SetSize& size : shapes(batch, channels)) {
    const auto steps = static_cast<double>(size.train * size.length);
    if (!pace.affords(steps)) continue;
    measure_shape(context, model, size, batch, training, evaluation);
    pace.took(steps, training.back().seconds);
  }
  return {fitted(training), fitted(evaluation)};
}

EncoderCosts measure_encoder(Context& context, int64_t batch, int64_t channels) {
  constexpr int64_t iterations = 2;
  std::vector<Measurement> pretraining, encoding;
  Pace pace;
  std::vector<SetSize> sizes = {{"", batch, 0, 64}, {"", batch, 0, 256}, {"", batch, 0, 1024}};
  if (channels > 1) sizes.push_back({"", batch, 0, 256, std::min<int64_t>(channels, 8)});
  for (const SetSize& size : sizes) {
    const auto steps = static_cast<double>(size.train * size.length);
    if (!pace.affords(steps)) continue;
    const LabelledSet set = random_set(context, size);
    Ts2Vec encoder({&context}, {.channels = size.channels});
    initialize(encoder, 1);
    Pretrainer(encoder, set.x, {.iterations = 1, .batch_size = batch}).run();  // takes memory
    // Seeds draw crops of different lengths.
    for (const uint64_t seed : {1, 2, 3, 4}) {
      Pretrainer pretrainer(encoder, set.x, {.iterations = iterations, .batch_size = batch, .seed = seed});
      const Stopwatch watch(context);
      pretrainer.run();
      const double seconds = watch.seconds();
      pretraining.push_back({pretraining_counts(size, iterations, batch, seed), seconds});
      pace.took(steps, seconds);
    }
    measure_encoding(context, encoder, size, encoding);
  }
  return {fitted(pretraining), fitted(encoding)};
}

}  // namespace mellow::tools
