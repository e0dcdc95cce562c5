// SPDX-License-Identifier: MIT
// One training step of every classifier (gather, forward, loss, backward, Adam) and one pretraining iteration
// of TS2Vec. The loss of a float32 step is checked against float64 on the CPU before the clock starts.
#include "mellow/bench/support.h"
#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/optim/adam.h"
#include "mellow/engine/train/pretrainer.h"
#include "mellow/engine/train/trainer.h"
#include "mellow/models/make_model.h"
#include "mellow/models/ts2vec.h"

namespace {

using namespace mellow;
using namespace mellow::bench;

constexpr int64_t classes = 5;

LabelledSet series_set(Context& context, int64_t samples, int64_t length) {
  std::vector<float> values(static_cast<size_t>(samples * length));
  std::vector<int32_t> labels(static_cast<size_t>(samples));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = uniform_from(random_words(3, RandomStream::test, 0, i)[0]) * 2 - 1;
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int32_t>(i % classes);
  return make_labelled_set(context, {samples, length, 1}, values, labels, classes);
}

// The first step's loss, in training mode.
template <class T>
double first_loss(Context& context, const std::string& name, int64_t batch, int64_t length) {
  const auto model = make_model(name, {&context, dtype_of<T>}, {.classes = classes, .length = length});
  initialize(*model, 1);
  model->set_training(true);
  const LabelledSet set = series_set(context, batch, length);
  const auto values = set.x.to_vector<float>();
  const Tensor x = Tensor::from(context, set.x.shape(), std::vector<T>(values.begin(), values.end()));
  return values_of(soft_label_loss(model->logits(x), {.labels = set.labels}, {}))[0];
}

void training_step(benchmark::State& state, const std::string& name, Precision precision) {
  const int64_t length = state.range(0), batch = state.range(1);
  const ContextOptions options = wanted_context(precision);
  Context context(options);
  {
    Context reference;
    const double exact = first_loss<double>(reference, name, 4, length),
                 got = first_loss<float>(context, name, 4, length);
    const double tolerance = precision == Precision::fp32 || precision == Precision::bf16x3 ? 1e-4 : 5e-2;
    if (!(std::abs(got - exact) <= tolerance * std::max(1.0, exact)))
      return state.SkipWithError("wrong answer");
  }
  const LabelledSet set = series_set(context, batch, length);
  const auto model = make_model(name, {&context}, {.classes = classes, .length = length});
  initialize(*model, 1);
  FlatParameters flat(*model);
  Adam adam(flat);
  const auto schedule = make_schedule({});
  Trainer trainer({*model, flat, adam, *schedule}, set, {}, {}, {.batch_size = batch});
  trainer.run_epoch();  // an epoch is one step here
  trainer.run_epoch();
  const size_t allocations = context.memory().system_allocations;
  for (auto _ : state) trainer.run_epoch();
  if (context.memory().system_allocations != allocations)
    state.SkipWithError("a step took memory from the system");
  state.counters["series/s"] =
      benchmark::Counter(static_cast<double>(batch), benchmark::Counter::kIsIterationInvariantRate);
  state.counters["peak_MB"] = static_cast<double>(context.memory().peak) * 1e-6;
}

void pretraining(benchmark::State& state) {
  Context context(wanted_context());
  Ts2Vec encoder({&context}, {});
  initialize(encoder, 1);
  const LabelledSet set = series_set(context, 32, state.range(0));
  constexpr int64_t iterations = 4;
  for (auto _ : state) {
    Pretrainer pretrainer(encoder, set.x, {.iterations = iterations});
    if (!pretrainer.run()) state.SkipWithError("stopped");
  }
  state.counters["iterations/s"] =
      benchmark::Counter(iterations, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["peak_MB"] = static_cast<double>(context.memory().peak) * 1e-6;
}
BENCHMARK(pretraining)
    ->Name("ts2vec/4_iterations/batch8")
    ->Arg(150)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

const bool registered = [] {
  const bool cuda = wanted_context().device == Device::cuda;
  const std::vector<Precision> precisions =
      cuda ? std::vector{Precision::fp32, Precision::tf32, Precision::bf16}
           : std::vector{Precision::fp32, Precision::bf16x3, Precision::bf16};
  for (const ModelEntry& entry : model_entries())
    for (const Precision precision : precisions)
      benchmark::RegisterBenchmark(
          (entry.name + "/step/" + name_of(precision)).c_str(),
          [name = entry.name, precision](benchmark::State& state) { training_step(state, name, precision); })
          ->ArgNames({"length", "batch"})
          ->Args({150, 64})
          ->Args({150, 128})
          ->Args({512, 128})
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime();
  return true;
}();

}  // namespace
