// SPDX-License-Identifier: MIT
// The three passes of the convolutions that InceptionTime, ResNet and TS2Vec are made of, each checked
// against the definition before it is timed. `peak` measures the multiply-add rate of the tile unit in use,
// so that the others can be read as a share of it.
#include <cmath>
#include <string>

#include <benchmark/benchmark.h>

#include "mellow/kernels/cpu/tile.h"
#include "mellow/kernels/cpu/window_product.h"
#include "mellow/tests/kernels/conv1d_reference.h"

namespace mellow {
namespace {

using namespace cpu;
using testing::random_values;
using testing::Workspace;

Conv1dSizes same_padded(int64_t in, int64_t out, int64_t width, int64_t dilation, int64_t batch,
                        int64_t length) {
  return testing::packed({.batch = batch,
                          .in_length = length,
                          .out_length = length,
                          .in_channels = in,
                          .out_channels = out,
                          .width = width,
                          .dilation = dilation,
                          .pad_left = (width - 1) * dilation / 2});
}

// One convolution's arrays; run() does one pass on them.
struct Case {
  Conv1dSizes s;
  Conv1dPass pass;
  KernelOptions options;
  std::vector<float> x, w, dy, y, dx, dw;
  Workspace workspace;

  Case(const Conv1dSizes& sizes, Conv1dPass p, const KernelOptions& o)
      : s(sizes),
        pass(p),
        options(o),
        x(random_values<float>(testing::x_elements(s), 1)),
        w(random_values<float>(testing::w_elements(s), 2)),
        dy(random_values<float>(testing::y_elements(s), 3)),
        y(dy.size()),
        dx(x.size()),
        dw(w.size()),
        workspace(conv1d_workspace<float>(p, s, o)) {
    workspace.lend_to(options);
  }

  void run() {
    switch (pass) {
      case Conv1dPass::forward:
        return conv1d_forward<float>(s, x.data(), w.data(), nullptr, y.data(), options);
      case Conv1dPass::backward_data:
        return conv1d_backward_data<float>(s, dy.data(), w.data(), dx.data(), false, options);
      case Conv1dPass::backward_weights:
        return conv1d_backward_weights<float>(s, x.data(), dy.data(), dw.data(), nullptr, false, options);
    }
  }

  bool is_right(double tolerance) {
    testing::ConvResult expected{std::vector<double>(y.size()), std::vector<double>(x.size()),
                                 std::vector<double>(w.size()), std::vector<double>(s.out_channels)};
    testing::add_reference(s, x.data(), w.data(), dy.data(), expected);
    const auto& want = pass == Conv1dPass::forward         ? expected.y
                       : pass == Conv1dPass::backward_data ? expected.dx
                                                           : expected.dw;
    const auto& got = pass == Conv1dPass::forward ? y : pass == Conv1dPass::backward_data ? dx : dw;
    double worst = 0, scale = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      worst = std::max(worst, std::abs(got[i] - want[i]));
      scale = std::max(scale, std::abs(want[i]));
    }
    return worst <= tolerance * scale;
  }
};

// GFLOP/s counts the dense arithmetic, zero padding included; useful_GFLOP/s only products with steps of the
// series.
void conv1d(benchmark::State& state, Conv1dSizes s, Conv1dPass pass, Precision precision) {
  const KernelOptions options{.threads = int(state.range(1)), .precision = precision};
  s = same_padded(s.in_channels, s.out_channels, s.width, s.dilation, s.batch, state.range(0));
  Conv1dSizes few = s;
  few.batch = 3;
  Case sample(few, pass, options);
  sample.run();
  if (!sample.is_right(precision == Precision::bf16 ? 2e-2 : 1e-5))
    return state.SkipWithError("wrong answer");
  Case c(s, pass, options);
  c.run();
  for (auto _ : state) c.run();
  double useful = 0;
  for (int64_t j = 0; j < s.width; ++j)
    useful += std::max<double>(0, double(s.in_length - std::abs(j * s.dilation - s.pad_left)));
  const double per_product =
      2e-9 * double(s.batch * s.in_channels * s.out_channels) * double(state.iterations());
  state.counters["GFLOP/s"] =
      benchmark::Counter(per_product * double(s.out_length * s.width), benchmark::Counter::kIsRate);
  state.counters["useful_GFLOP/s"] = benchmark::Counter(per_product * useful, benchmark::Counter::kIsRate);
}

// Multiply-adds on operands that stay in the first-level cache: the ceiling of fp32 on one thread.
void peak(benchmark::State& state) {
  const TileKernels<float>& tiles = tiles_for({}, 0.0f);
  const std::vector<float> a(4096, 0.5f), b(64 * 64, 0.25f);
  std::vector<float> c(14 * 32);
  const Tile<float> tile{a.data(), 64, 0, b.data(), 0, c.data(), 32, c.data(), 32, 64, 64};
  const int rows = tiles.rows;
  for (auto _ : state) {
    tiles.across[rows - 1][1](tile);
    benchmark::ClobberMemory();
  }
  state.counters["GFLOP/s"] = benchmark::Counter(
      2e-9 * 64 * 64 * rows * tiles.columns() * double(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(peak);

struct Shape {
  const char* name;
  int64_t in, out, width, dilation, batch;
  std::vector<int64_t> lengths;
};

// Registered by hand because the passes, precisions and lengths multiply.
const bool registered = [] {
  const Shape shapes[] = {{"inception/32to32/k10", 32, 32, 10, 1, 64, {24, 150, 500}},
                          {"inception/32to32/k20", 32, 32, 20, 1, 64, {24, 150, 500}},
                          {"inception/32to32/k40", 32, 32, 40, 1, 64, {24, 96, 150, 500}},
                          {"inception/1to32/k40", 1, 32, 40, 1, 64, {24, 150, 500}},
                          {"inception/1to32/k10", 1, 32, 10, 1, 64, {24, 150, 500}},
                          {"inception/128to32/k1", 128, 32, 1, 1, 64, {24, 150, 500}},
                          {"ts2vec/64to64/dilation1", 64, 64, 3, 1, 16, {24, 150, 500}},
                          {"ts2vec/64to64/dilation16", 64, 64, 3, 16, 16, {24, 150, 500}},
                          {"ts2vec/64to64/dilation256", 64, 64, 3, 256, 16, {24, 150, 500}},
                          {"ts2vec/64to320/k1", 64, 320, 1, 1, 16, {24, 150}},
                          {"ts2vec/320to320/k3", 320, 320, 3, 1, 16, {24, 150}},
                          {"resnet/64to64/k8", 64, 64, 8, 1, 64, {24, 150, 500}},
                          {"resnet/128to128/k3", 128, 128, 3, 1, 64, {24, 150}}};
  const std::pair<const char*, Conv1dPass> passes[] = {{"forward", Conv1dPass::forward},
                                                       {"backward_data", Conv1dPass::backward_data},
                                                       {"backward_weights", Conv1dPass::backward_weights}};
  const std::pair<const char*, Precision> precisions[] = {
      {"fp32", Precision::fp32}, {"bf16x3", Precision::bf16x3}, {"bf16", Precision::bf16}};
  for (const Shape& shape : shapes)
    for (const auto& [pass_name, pass] : passes)
      for (const auto& [precision_name, precision] : precisions) {
        if (precision != Precision::fp32 && best_isa() < Isa::avx512_bf16)
          continue;  // emulation is not for speed
        const Conv1dSizes s = same_padded(shape.in, shape.out, shape.width, shape.dilation, shape.batch, 1);
        const std::string name = std::string(shape.name) + "/" + pass_name + "/" + precision_name;
        auto* b = benchmark::RegisterBenchmark(
            name.c_str(), [=](benchmark::State& state) { conv1d(state, s, pass, precision); });
        b->ArgNames({"length", "threads"})->UseRealTime();
        for (int64_t length : shape.lengths)
          for (int64_t threads : {1, 2}) b->Args({length, threads});
      }
  return true;
}();

}  // namespace
}  // namespace mellow
