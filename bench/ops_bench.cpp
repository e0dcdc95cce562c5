// SPDX-License-Identifier: MIT
// Every op, forward and backward, at the shapes of InceptionTime and TS2Vec. float32 is checked against
// float64 on the CPU before the clock starts.
#include "mellow/bench/support.h"
#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/random_state.h"
#include "mellow/engine/ops/batch_norm.h"
#include "mellow/engine/ops/class_distance.h"
#include "mellow/engine/ops/contrastive.h"
#include "mellow/engine/ops/conv1d_branches.h"
#include "mellow/engine/ops/join.h"
#include "mellow/engine/ops/lstm.h"
#include "mellow/engine/ops/matmul.h"
#include "mellow/engine/ops/pointwise.h"
#include "mellow/engine/ops/pool1d.h"
#include "mellow/engine/ops/reduce.h"
#include "mellow/engine/ops/soft_label_loss.h"
#include "mellow/engine/ops/softmax.h"

namespace {

using namespace mellow;
using namespace mellow::bench;

using Inputs = std::vector<Tensor>;
struct OpCase {
  std::string name;
  std::vector<Shape> shapes;
  std::function<Tensor(const Inputs&)> op;
  double tolerance = 1e-4;
};

template <class T>
Inputs inputs_of(Context& context, const OpCase& c) {
  context.random().step = Tensor::zeros(context, {1}, DType::i64);  // dropout always draws for this one
  Inputs inputs;
  for (size_t i = 0; i < c.shapes.size(); ++i)
    inputs.push_back(random_tensor<T>(context, c.shapes[i], i).set_requires_grad());
  return inputs;
}

// y, then all gradients for an upstream gradient of random numbers.
template <class T>
std::vector<double> answer(Context& context, const OpCase& c) {
  const Inputs inputs = inputs_of<T>(context, c);
  Tape tape(context);
  const Tensor y = c.op(inputs);
  std::vector<double> all = to_doubles(y);
  tape.backward(y, random_tensor<T>(context, y.shape(), 77));
  for (const Tensor& x : inputs)
    for (const double g : to_doubles(x.grad())) all.push_back(g);
  return all;
}

void run(benchmark::State& state, const OpCase& c, bool backward) {
  Context context(wanted_context());
  Context reference;
  if (relative_error(answer<float>(context, c), answer<double>(reference, c)) > c.tolerance)
    return state.SkipWithError("wrong answer");
  const Inputs inputs = inputs_of<float>(context, c);
  Tensor dy;
  for (auto _ : state) {
    if (backward) {
      Tape tape(context);
      const Tensor y = c.op(inputs);
      if (!dy.defined()) dy = random_tensor<float>(context, y.shape(), 77);
      tape.backward(y, dy);
    } else {
      benchmark::DoNotOptimize(c.op(inputs));
    }
    context.backend().synchronize();
  }
  int64_t elements = 0;
  for (const Shape& s : c.shapes) elements += s.count();
  state.SetBytesProcessed(state.iterations() * elements * 4);
}

Tensor normalised(const Inputs& in) {
  Context& context = in[0].context();
  const Shape channels = {in[0].dim(-1)};
  const Tensor mean = Tensor::zeros(context, channels, in[0].dtype()),
               var = Tensor::zeros(context, channels, in[0].dtype());
  return batch_norm(in[0], in[1], in[2], mean, var, {.relu = true});
}

Tensor labelled_loss(const Inputs& in) {
  std::vector<int32_t> labels(static_cast<size_t>(in[0].dim(0)));
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int32_t>(i % 10);
  const Tensor on_device = Tensor::from(in[0].context(), {in[0].dim(0)}, labels);
  return soft_label_loss(in[0], {.labels = on_device}, {.entropy = 0.1});
}

std::vector<OpCase> cases() {
  const Shape wide = {64, 150, 128};
  const Pool1dOptions pool = {.width = 3, .stride = 1, .pad_left = 1, .pad_right = 1};
  std::vector<OpCase> all = {
      {"relu", {wide}, [](const Inputs& in) { return relu(in[0]); }},
      {"gelu", {{8, 150, 64}}, [](const Inputs& in) { return gelu(in[0]); }},
      {"add", {wide, wide}, [](const Inputs& in) { return add(in[0], in[1]); }},
      {"multiply", {wide, wide}, [](const Inputs& in) { return multiply(in[0], in[1]); }},
      {"dropout", {wide}, [](const Inputs& in) { return dropout(in[0], 0.1, 0); }},
      {"batch_norm_relu", {wide, {128}, {128}}, normalised, 1e-3},
      {"max_pool1d", {wide}, [=](const Inputs& in) { return max_pool1d(in[0], pool); }},
      {"avg_pool1d", {wide}, [=](const Inputs& in) { return avg_pool1d(in[0], pool); }},
      {"mean_over_time", {wide}, [](const Inputs& in) { return mean_over_time(in[0]); }},
      {"max_over_time", {{8, 150, 320}}, [](const Inputs& in) { return max_over_time(in[0]); }},
      {"concatenate", {wide, wide}, [](const Inputs& in) { return concatenate(in); }},
      {"linear", {{64, 128}, {10, 128}, {10}}, [](const Inputs& in) { return linear(in[0], in[1], in[2]); }},
      {"matmul", {{512, 320}, {320, 512}}, [](const Inputs& in) { return matmul(in[0], in[1]); }},
      {"matmul_batched",
       {{8, 150, 320}, {8, 320, 150}},
       [](const Inputs& in) { return matmul(in[0], in[1]); }},
      {"softmax", {{128, 60}}, [](const Inputs& in) { return softmax(in[0]); }},
      {"log_softmax", {{128, 60}}, [](const Inputs& in) { return log_softmax(in[0]); }},
      {"soft_label_loss", {{128, 60}}, labelled_loss},
      {"contrastive",
       {{8, 150, 320}, {8, 150, 320}},
       [](const Inputs& in) { return hierarchical_contrastive(in[0], in[1]); },
       1e-3}};
  const auto last_state = [](const Inputs& in) { return lstm(in[0], {in[1], in[2], in[3], in[4]}); };
  all.push_back({"lstm/shuffle", {{128, 1, 150}, {512, 150}, {512, 128}, {512}, {512}}, last_state});
  all.push_back({"lstm/sequence", {{128, 150, 3}, {512, 3}, {512, 128}, {512}, {512}}, last_state});
  for (const int64_t width : {10, 20, 40})
    all.push_back({"conv1d/32to32/k" + std::to_string(width),
                   {{64, 150, 32}, {32, width, 32}},
                   [width](const Inputs& in) { return conv1d(in[0], in[1], {}, same_padding(width)); }});
  all.push_back({"conv1d_branches/32to32/k40,k20,k10",
                 {{64, 150, 32}, {32, 40, 32}, {32, 20, 32}, {32, 10, 32}},
                 [](const Inputs& in) {
                   const Conv1dOptions options[] = {same_padding(40), same_padding(20), same_padding(10)};
                   return conv1d_branches(in[0], std::span(in).subspan(1), options);
                 }});
  all.push_back({"conv1d/1to32/k40", {{64, 150, 1}, {32, 40, 1}}, [](const Inputs& in) {
                   return conv1d(in[0], in[1], {}, same_padding(40));
                 }});
  all.push_back({"conv1d/128to32/k1", {{64, 150, 128}, {32, 1, 128}}, [](const Inputs& in) {
                   return conv1d(in[0], in[1], {}, {});
                 }});
  all.push_back({"conv1d/64to64/k3/dilation16", {{8, 150, 64}, {64, 3, 64}, {64}}, [](const Inputs& in) {
                   return conv1d(in[0], in[1], in[2], same_padding(3, 16));
                 }});
  return all;
}

void distances(benchmark::State& state) {
  Context context(wanted_context());
  Context reference;
  const int64_t samples = state.range(0), classes = 10;
  std::vector<int32_t> labels(static_cast<size_t>(samples));
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int32_t>(i % classes);
  const auto at = [&]<class T>(Context& where, T) {
    return class_distances(random_tensor<T>(where, {samples, 320}, 1), Tensor::from(where, {samples}, labels),
                           classes);
  };
  if (relative_error(to_doubles(at(context, 0.f)), to_doubles(at(reference, 0.0))) > 1e-5)
    return state.SkipWithError("wrong answer");
  const Tensor x = random_tensor<float>(context, {samples, 320}, 1),
               on_device = Tensor::from(context, {samples}, labels);
  for (auto _ : state) {
    benchmark::DoNotOptimize(class_distances(x, on_device, classes));
    context.backend().synchronize();
  }
  state.counters["pairs/s"] = benchmark::Counter(static_cast<double>(samples * samples),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(distances)
    ->Name("class_distances")
    ->Arg(256)
    ->Arg(1024)
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

const bool registered = [] {
  for (const OpCase& c : cases())
    for (const bool backward : {false, true})
      benchmark::RegisterBenchmark((c.name + (backward ? "/forward_backward" : "/forward")).c_str(),
                                   [c, backward](benchmark::State& state) { run(state, c, backward); })
          ->Unit(benchmark::kMicrosecond)
          ->UseRealTime();
  return true;
}();

}  // namespace
