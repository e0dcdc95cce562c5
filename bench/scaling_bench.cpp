// SPDX-License-Identifier: MIT
// How time and memory grow: a training step of InceptionTime over one of length, batch, channels and classes,
// the others fixed; an epoch over the size of the set; class distances over samples; the contrastive loss
// over length. The largest sizes are named large/…: leave them out with --benchmark_filter=-large.
#include "mellow/bench/training.h"
#include "mellow/engine/ops/class_distance.h"
#include "mellow/engine/ops/contrastive.h"

namespace {

using namespace mellow;
using namespace mellow::bench;

// What the work took on the device at its peak, the inputs included.
void report_peak(benchmark::State& state, const Context& context) {
  state.counters["peak_MB"] = static_cast<double>(context.memory().peak) * 1e-6;
}

void training_step(benchmark::State& state, const SeriesShape& shape) {
  Context context(wanted_context());
  {
    Context reference;
    SeriesShape few = shape;
    few.samples = std::min<int64_t>(shape.samples, 2);
    const double exact = first_loss<double>(reference, "inception-time", few),
                 got = first_loss<float>(context, "inception-time", few);
    if (!(std::abs(got - exact) <= 1e-4 * std::max(1.0, exact))) return state.SkipWithError("wrong answer");
  }
  Training training(context, "inception-time", shape, shape.samples);
  training.trainer.run_epoch();  // an epoch is one step here
  for (auto _ : state) training.trainer.run_epoch();
  report_peak(state, context);
}

// Batches of 128, the last one smaller.
void epoch(benchmark::State& state) {
  Context context(wanted_context());
  const SeriesShape shape = {.samples = state.range(0), .length = 64};
  Training training(context, "inception-time-1", shape, 128);
  training.trainer.run_epoch();
  for (auto _ : state)
    if (!std::isfinite(training.trainer.run_epoch()->loss)) return state.SkipWithError("wrong answer");
  report_peak(state, context);
  state.counters["series/s"] =
      benchmark::Counter(static_cast<double>(shape.samples), benchmark::Counter::kIsIterationInvariantRate);
}

constexpr int64_t dims = 320, distance_classes = 10;

// Σ over the class of ‖x_i − x_j‖ by size of the class, in double.
std::vector<double> distances_of(const std::vector<float>& x, size_t samples, size_t row) {
  std::vector<double> sums(distance_classes), counts(distance_classes);
  for (size_t j = 0; j < samples; ++j) {
    double squared = 0;
    for (size_t d = 0; d < dims; ++d) {
      const double off = static_cast<double>(x[row * dims + d]) - static_cast<double>(x[j * dims + d]);
      squared += off * off;
    }
    sums[j % distance_classes] += std::sqrt(squared);
    counts[j % distance_classes] += 1;
  }
  for (size_t k = 0; k < sums.size(); ++k) sums[k] /= counts[k];
  return sums;
}

void distances(benchmark::State& state) {
  Context context(wanted_context());
  const int64_t samples = state.range(0);
  const Tensor x = random_tensor<float>(context, {samples, dims}, 1);
  std::vector<int32_t> labels(static_cast<size_t>(samples));
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int32_t>(i % distance_classes);
  const Tensor on_device = Tensor::from(context, {samples}, labels);
  Tensor got;
  for (auto _ : state) {
    got = class_distances(x, on_device, distance_classes);
    context.backend().synchronize();
  }
  report_peak(state, context);
  const auto all = got.to_vector<float>(), values = x.to_vector<float>();
  const auto rows = static_cast<size_t>(samples);
  for (const size_t row : {size_t{0}, rows / 2 + 1, rows - 1}) {
    const float* first = &all[row * distance_classes];
    if (relative_error({first, first + distance_classes}, distances_of(values, rows, row)) > 1e-5)
      state.SkipWithError("wrong answer");
  }
  state.counters["pairs/s"] = benchmark::Counter(static_cast<double>(samples) * static_cast<double>(samples),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

// The loss of two encodings and its gradients.
template <class T>
std::vector<double> contrast(Context& context, int64_t length) {
  const Tensor z1 = random_tensor<T>(context, {2, length, dims}, 1).set_requires_grad(),
               z2 = random_tensor<T>(context, {2, length, dims}, 2).set_requires_grad();
  Tape tape(context);
  const Tensor loss = hierarchical_contrastive(z1, z2);
  tape.backward(loss);
  return to_doubles(loss);
}

void contrastive(benchmark::State& state) {
  {
    Context context(wanted_context()), reference;
    if (relative_error(contrast<float>(context, 100), contrast<double>(reference, 100)) > 1e-4)
      return state.SkipWithError("wrong answer");
  }
  Context context(wanted_context());
  for (auto _ : state)
    if (!std::isfinite(contrast<float>(context, state.range(0))[0])) state.SkipWithError("wrong answer");
  report_peak(state, context);
}

// On the CPU by the time it computed, which other work on the machine disturbs least.
void finish(benchmark::internal::Benchmark* b) {
  b->Unit(benchmark::kMillisecond);
  if (wanted_context().device == Device::cuda) {
    b->UseRealTime();
  } else {
    b->MeasureProcessCPUTime();
  }
}

void add_step(const std::string& axis, int64_t SeriesShape::*field, const std::vector<int64_t>& values) {
  for (const int64_t value : values) {
    SeriesShape shape = {.samples = 16, .length = 256, .channels = 1, .classes = 5};
    shape.*field = value;
    finish(benchmark::RegisterBenchmark(("scaling/" + axis + "/" + std::to_string(value)).c_str(),
                                        [shape](benchmark::State& state) { training_step(state, shape); }));
  }
}

void add_sizes(const std::string& name, void (*run)(benchmark::State&), const std::vector<int64_t>& sizes) {
  auto* b = benchmark::RegisterBenchmark(name.c_str(), run);
  for (const int64_t size : sizes) b->Arg(size);
  finish(b);
}

const bool registered = [] {
  add_step("length", &SeriesShape::length, {64, 128, 256, 512, 1024, 2048, 4096});
  add_step("batch", &SeriesShape::samples, {1, 4, 16, 64, 256});
  add_step("channels", &SeriesShape::channels, {1, 4, 16, 64, 256});
  add_step("classes", &SeriesShape::classes, {2, 10, 100, 1000});
  add_sizes("scaling/epoch", epoch, {32, 128, 512, 2048, 8192});
  add_sizes("scaling/class_distances", distances, {100, 1000, 10'000});
  add_sizes("large/class_distances", distances, {100'000});
  add_sizes("scaling/contrastive", contrastive, {64, 256, 1000});
  add_sizes("large/contrastive", contrastive, {4000, 10'000});
  return true;
}();

}  // namespace
