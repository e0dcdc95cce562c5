// SPDX-License-Identifier: MIT
// The tensor-core convolutions, pass by pass, against the definition in float64 on operands rounded as the
// kernels round them: what is left is the rounding of float32 sums.
#include <cmath>
#include <limits>
#include <vector>

#include "mellow/kernels/cuda/conv1d_tensor.h"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/tests/cuda_emulation/emulator.h"
#include "mellow/tests/kernels/conv1d_reference.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/rounding.h"

using namespace mellow;
using namespace mellow::test;
using cuda::ConvPass;
using cuda::ConvSizes;

namespace {

constexpr float untouched = 12345;

// A plane inside a wider buffer: `gap` elements beside the channels of each step, and a step between series.
struct Buffer {
  std::vector<float> values;
  cuda::Plane plane;

  Buffer(int64_t items, int64_t steps, int64_t channels, int64_t gap)
      : values(static_cast<size_t>(items * (steps + (gap > 0)) * (channels + gap)), untouched),
        plane{values.data() + gap, items, steps, channels, (steps + (gap > 0)) * (channels + gap),
              channels + gap} {}
  void fill(uint64_t seed, float beside) {
    std::fill(values.begin(), values.end(), beside);
    const auto drawn = random_values(plane.count(), seed);
    for (int64_t i = 0; i < plane.count(); ++i) at(i) = static_cast<float>(drawn[static_cast<size_t>(i)]);
  }
  float& at(int64_t i) {
    const int64_t step = i / plane.channels;
    return plane.data[step / plane.steps * plane.item_stride + step % plane.steps * plane.step_stride +
                      i % plane.channels];
  }
  std::vector<double> doubles() {
    std::vector<double> all;
    for (int64_t i = 0; i < plane.count(); ++i) all.push_back(at(i));
    return all;
  }
  int64_t count_of(float value) const { return std::count(values.begin(), values.end(), value); }
};

struct Operands {
  Buffer x, w, y;
  Operands(const ConvSizes& s, int64_t gap)
      : x(s.batch, s.length, s.in_channels, gap),
        w(s.out_channels, s.width, s.in_channels, 0),
        y(s.batch, s.out_length, s.out_channels, gap) {}
  Buffer& result(ConvPass pass) {
    return pass == ConvPass::forward ? y : pass == ConvPass::backward_data ? x : w;
  }
};

ConvSizes sizes(int64_t batch, int64_t length, int64_t in, int64_t out, int64_t width, int64_t stride = 1,
                int64_t dilation = 1, int64_t left = -1, int64_t right = -1) {
  const int64_t span = (width - 1) * dilation;
  if (left < 0) left = span / 2, right = span - left;
  return {batch, length, in,   (length + left + right - span - 1) / stride + 1, out, width, stride, dilation,
          1,     left,   right};
}

// The result by definition, from rounded operands, added to what is there.
std::vector<double> by_definition(const ConvSizes& s, ConvPass pass, Operands& o, Precision precision,
                                  bool add) {
  auto operand = [&](Buffer& b) {
    auto values = b.doubles();
    for (double& v : values) v = rounded(v, precision);
    return values;
  };
  auto x = operand(o.x), w = operand(o.w), y = operand(o.y);
  auto& result = pass == ConvPass::forward ? y : pass == ConvPass::backward_data ? x : w;
  if (add)
    result = o.result(pass).doubles();
  else
    std::fill(result.begin(), result.end(), 0.0);
  const cpu::Conv1dSizes packed = {.batch = s.batch,
                                   .in_length = s.length,
                                   .out_length = s.out_length,
                                   .in_channels = s.in_channels,
                                   .out_channels = s.out_channels,
                                   .width = s.width,
                                   .stride = s.stride,
                                   .dilation = s.dilation,
                                   .groups = s.groups,
                                   .pad_left = s.pad_left,
                                   .x_row = s.in_channels,
                                   .x_batch = s.length * s.in_channels,
                                   .y_row = s.out_channels,
                                   .y_batch = s.out_length * s.out_channels};
  testing::for_each_product(packed, [&](int64_t to, int64_t from, int64_t tap) {
    double &of_y = y[static_cast<size_t>(to)], &of_x = x[static_cast<size_t>(from)],
           &weight = w[static_cast<size_t>(tap)];
    if (pass == ConvPass::forward)
      of_y += of_x * weight;
    else if (pass == ConvPass::backward_data)
      of_x += of_y * weight;
    else
      weight += of_y * of_x;
  });
  return result;
}

// √(Σ differences² / Σ expected²); infinite when a value is not finite.
double relative_rms(const std::vector<double>& got, const std::vector<double>& expected) {
  double off = 0, all = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    off += (got[i] - expected[i]) * (got[i] - expected[i]);
    all += expected[i] * expected[i];
  }
  return std::isfinite(off) ? std::sqrt(off / all) : INFINITY;
}

std::vector<double> run(Cuda& cuda, const ConvSizes& s, ConvPass pass, Operands& o, bool add) {
  const cuda::ConvWork works[] = {{pass, s, o.x.plane, o.w.plane, o.y.plane, add}};
  REQUIRE(cuda::tensor_core_serves(cuda, works));
  cuda::conv1d_tensor(cuda, works);
  return o.result(pass).doubles();
}

void check(const ConvSizes& s, ConvPass pass, Precision precision, int64_t gap, bool add) {
  INFO("batch ", s.batch, ", length ", s.length, ", ", s.in_channels, " -> ", s.out_channels, ", ", s.width,
       " taps, stride ", s.stride, ", dilation ", s.dilation, ", padding ", s.pad_left, " ", s.pad_right,
       ", pass ", static_cast<int>(pass), ", ", name_of(precision), ", gap ", gap, ", add ", add);
  Context context({.device = Device::cuda, .precision = precision});
  Operands o(s, gap);
  const float nan = std::numeric_limits<float>::quiet_NaN();  // beside operands, and where nothing is read
  o.x.fill(1, nan);
  o.w.fill(2, nan);
  o.y.fill(3, nan);
  Buffer& result = o.result(pass);
  result.fill(4, untouched);
  if (!add)
    for (int64_t i = 0; i < result.plane.count(); ++i) result.at(i) = nan;
  const auto expected = by_definition(s, pass, o, precision, add);
  const int64_t beside = result.count_of(untouched);
  CHECK(relative_rms(run(context.cuda(), s, pass, o, add), expected) < 1e-6);
  CHECK(result.count_of(untouched) == beside);
}

// Every pass that serves, both precisions; windows and sums into what is there take turns.
void check_passes(const ConvSizes& s) {
  int turn = static_cast<int>(s.length);
  for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_filter})
    for (const Precision precision : {Precision::tf32, Precision::bf16}) {
      if (pass == ConvPass::backward_data && s.stride > 1) continue;
      ++turn;
      check(s, pass, precision, turn % 2 * 8, turn / 2 % 2 == 1);
    }
}

// Branches of so many taps on the same series at once: each gives what it gives alone; the gradient of the
// series is the sum of all.
void check_together(const std::vector<int64_t>& taps, ConvPass pass, Precision precision, bool add) {
  INFO(taps.size(), " branches, pass ", static_cast<int>(pass), ", ", name_of(precision), ", add ", add);
  Context context({.device = Device::cuda, .precision = precision});
  std::vector<Operands> operands;
  std::vector<cuda::ConvWork> works;
  std::vector<std::vector<double>> expected;
  for (const int64_t width : taps) operands.emplace_back(sizes(2, 70, 32, 40, width), 0);
  for (size_t i = 0; i < taps.size(); ++i) {
    Operands& o = operands[i];
    const ConvSizes s = sizes(2, 70, 32, 40, taps[i]);
    o.x.fill(1, 0);
    o.w.fill(10 + i, 0);
    o.y.fill(20 + i, 0);
    const bool shared = pass == ConvPass::backward_data;
    expected.push_back(by_definition(s, pass, o, precision, add && !(shared && i > 0)));
    for (size_t k = 0; shared && i > 0 && k < expected[0].size(); ++k) expected[0][k] += expected[i][k];
    works.push_back({pass, s, shared ? operands[0].x.plane : o.x.plane, o.w.plane, o.y.plane, add});
  }
  REQUIRE(cuda::tensor_core_serves(context.cuda(), works));
  cuda::conv1d_tensor(context.cuda(), works);
  const size_t results = pass == ConvPass::backward_data ? 1 : taps.size();
  for (size_t i = 0; i < results; ++i)
    CHECK(relative_rms(operands[i].result(pass).doubles(), expected[i]) < 1e-6);
}

}  // namespace

TEST_CASE("conv1d on tensor cores: the shapes of the models, shortened") {
  check_passes(sizes(1, 150, 32, 32, 40));
  check_passes(sizes(2, 70, 32, 32, 20));
  check_passes(sizes(1, 129, 32, 32, 10));
  check_passes(sizes(2, 70, 128, 32, 1));
  check_passes(sizes(1, 64, 64, 64, 3));
  check_passes(sizes(1, 24, 64, 128, 3, 2));
  check_passes(sizes(1, 9, 64, 128, 1, 2, 1, 0, 0));
  check_passes(sizes(2, 33, 128, 72, 5));
  check_passes(sizes(1, 100, 8, 96, 8));
}

TEST_CASE("conv1d on tensor cores: dilation, from windows that hold all taps to taps that share nothing") {
  for (const int64_t dilation : {2, 4, 16, 48, 64, 127, 128, 256, 1024})
    check_passes(sizes(1, 300, 32, 40, 3, 1, dilation));
  check_passes(sizes(1, 200, 16, 72, 7, 1, 13));
  check_passes(sizes(1, 120, 40, 64, 5, 3, 7));
}

TEST_CASE("conv1d on tensor cores: ragged sizes") {
  check_passes(sizes(3, 1, 8, 8, 1));
  check_passes(sizes(2, 7, 8, 24, 40));  // shorter than the kernel
  check_passes(sizes(1, 17, 24, 8, 2));
  check_passes(sizes(5, 63, 40, 56, 3, 1, 1, 0, 0));
  check_passes(sizes(1, 65, 32, 96, 4, 1, 1, 9, 1));  // more padding than taps on one side
  check_passes(sizes(1, 131, 8, 16, 11, 4, 1, 3, 8));
  check_passes(sizes(1, 77, 16, 8, 3, 5, 2, 0, 4));
  check_passes(sizes(2, 40, 8, 8, 3, 1, 16));          // only the middle tap meets the series
  check_passes(sizes(1, 260, 8, 8, 80, 1, 3, 20, 7));  // several windows of taps
}

TEST_CASE("conv1d on tensor cores: every way of a window and of a sum") {
  for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_filter})
    for (const Precision precision : {Precision::tf32, Precision::bf16})
      for (const int64_t gap : {0, 4, 24})
        for (const bool add : {false, true}) check(sizes(2, 37, 40, 24, 5), pass, precision, gap, add);
}

TEST_CASE("conv1d on tensor cores: several branches in one launch") {
  for (const Precision precision : {Precision::tf32, Precision::bf16})
    for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_filter})
      for (const bool add : {false, true}) check_together({40, 20, 10}, pass, precision, add);
  check_together({1, 2, 17, 80}, ConvPass::backward_filter, Precision::tf32, false);
  check_together({80, 1}, ConvPass::backward_data, Precision::bf16, false);
  check_together({3, 80, 1}, ConvPass::forward, Precision::tf32, true);
}

TEST_CASE("conv1d on tensor cores gives the same bits in every order of blocks and threads") {
  for (const Precision precision : {Precision::tf32, Precision::bf16})
    for (const ConvSizes& s : {sizes(1, 100, 40, 40, 5), sizes(2, 70, 32, 32, 3, 1, 64)})
      for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_filter}) {
        Context context({.device = Device::cuda, .precision = precision});
        std::vector<double> first;
        for (const uint64_t order : {0, 2, 3}) {
          emulation::set_order(order);
          Operands o(s, 0);
          o.x.fill(1, 0);
          o.w.fill(2, 0);
          o.y.fill(3, 0);
          const auto got = run(context.cuda(), s, pass, o, false);
          if (order == 0) first = got;
          CHECK(got == first);
        }
        emulation::set_order(1);
      }
}

TEST_CASE("conv1d on tensor cores: what they do not serve") {
  auto serves = [](const ConvSizes& s, ConvPass pass, Precision precision, int64_t gap = 0) {
    Context context({.device = Device::cuda, .precision = precision});
    Operands o(s, gap);
    const cuda::ConvWork works[] = {{pass, s, o.x.plane, o.w.plane, o.y.plane}};
    return cuda::tensor_core_serves(context.cuda(), works);
  };
  const ConvSizes plain = sizes(1, 9, 8, 16, 3), strided = sizes(1, 9, 8, 16, 3, 2);
  ConvSizes grouped = plain;
  grouped.groups = 2;
  CHECK(serves(plain, ConvPass::forward, Precision::tf32));
  CHECK(serves(strided, ConvPass::backward_filter, Precision::bf16));
  CHECK_FALSE(serves(plain, ConvPass::forward, Precision::fp32));
  CHECK_FALSE(serves(strided, ConvPass::backward_data, Precision::tf32));
  CHECK_FALSE(serves(grouped, ConvPass::forward, Precision::tf32));
  CHECK_FALSE(serves(plain, ConvPass::forward, Precision::tf32, 2));  // rows at 8 bytes
  CHECK_FALSE(serves(sizes(1, 9, 12, 16, 3), ConvPass::forward, Precision::tf32));
  CHECK_FALSE(serves(sizes(1, 9, 8, 1, 3), ConvPass::forward, Precision::tf32));
  Context old({.device = Device::cuda, .precision = Precision::tf32});
  Operands o(plain, 0);
  const cuda::ConvWork work = {ConvPass::forward, plain, o.x.plane, o.w.plane, o.y.plane};
  const std::vector<cuda::ConvWork> few(cuda::most_branches, work), many(cuda::most_branches + 1, work);
  CHECK(cuda::tensor_core_serves(old.cuda(), few));
  CHECK_FALSE(cuda::tensor_core_serves(old.cuda(), many));
  old.cuda().state().tensor_cores = false;
  CHECK_FALSE(cuda::tensor_core_serves(old.cuda(), few));
}
