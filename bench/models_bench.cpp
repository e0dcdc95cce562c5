// SPDX-License-Identifier: MIT
// One training step of every classifier (gather, forward, loss, backward, Adam) and one pretraining iteration
// of TS2Vec. The loss of a float32 step is checked against float64 on the CPU before the clock starts.
#include "mellow/bench/training.h"
#include "mellow/engine/train/pretrainer.h"
#include "mellow/models/ts2vec.h"

namespace {

using namespace mellow;
using namespace mellow::bench;

void training_step(benchmark::State& state, const std::string& name, Precision precision) {
  const int64_t length = state.range(0), batch = state.range(1);
  const ContextOptions options = wanted_context(precision);
  Context context(options);
  {
    Context reference;
    const SeriesShape few = {.samples = 4, .length = length};
    const double exact = first_loss<double>(reference, name, few),
                 got = first_loss<float>(context, name, few);
    const double tolerance = precision == Precision::fp32 || precision == Precision::bf16x3 ? 1e-4 : 5e-2;
    if (!(std::abs(got - exact) <= tolerance * std::max(1.0, exact)))
      return state.SkipWithError("wrong answer");
  }
  Training training(context, name, {.samples = batch, .length = length}, batch);
  Trainer& trainer = training.trainer;
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
  const LabelledSet set = series_set(context, {.samples = 32, .length = state.range(0)});
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
