// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <string>

#include <doctest/doctest.h>

#include "mellow/engine/core/error.h"
#include "mellow/kernels/cpu/blocks.h"
#include "mellow/kernels/cpu/conv1d_kernels.h"
#include "mellow/kernels/cpu/tile_kernel.h"
#include "mellow/tests/kernels/conv1d_reference.h"
#include "mellow/tests/kernels/software_tiles.h"

namespace mellow::testing {
namespace {

using namespace cpu;

// One way to run a kernel, and how exact it is; in bf16 beside the definition on rounded operands.
struct Way {
  std::string name;
  KernelOptions options;
  double tolerance;
  int every;  // shapes are many, software is slow: runs only every so many shapes
};

// fp32 and both bf16 precisions on every set of this machine; the tile shapes of AVX-512 and the tile unit of
// AMX in plain C++, so that the code around them runs on any machine.
std::vector<Way> ways_here() {
  std::vector<Way> ways;
  const auto add = [&](const std::string& name, KernelOptions options) {
    options.precision = Precision::fp32;
    if (!options.bf16_kernels && !options.bf16_pairs)
      ways.push_back({name + " fp32", options, 1e-5, options.float_tiles ? 3 : 1});
    options.precision = Precision::bf16;
    ways.push_back({name + " bf16", options, 1e-5, 3});
    options.precision = Precision::bf16x3;
    if (!options.bf16_pairs)
      ways.push_back({name + " bf16x3", options, 1.2e-5, 3});  // the bound is 3 · 2^-18
  };
  for (Isa isa : all_isas) {
    if (has_isa(isa))
      add(name_of(isa), {.isa = isa});
    else
      MESSAGE("skipped, this machine has no " << std::string(name_of(isa)));
  }
  static constexpr TileKernels<float> wide_tiles = make_tiles<float, 16, 14>(192);
  add("14 x 32 tiles in software", {.isa = Isa::portable, .float_tiles = &wide_tiles});
  add("bf16 tiles in software", {.isa = Isa::portable, .bf16_kernels = &software_tiles});
  add("bf16 pairs in software", {.isa = Isa::portable, .bf16_pairs = &software_pairs});
  return ways;
}

// Sizes of every kind: strides, dilation beyond the series, groups, even widths, one step, one channel,
// padding beyond the series, rows inside a wider buffer, an empty batch.
Conv1dSizes random_sizes(std::mt19937& bits) {
  const auto pick = [&](int64_t low, int64_t high) {
    return low + int64_t(bits() % uint64_t(high - low + 1));
  };
  Conv1dSizes s;
  s.batch = pick(0, 9) == 0 ? 0 : pick(1, 4);
  s.in_length = pick(0, 3) == 0 ? pick(1, 3) : pick(1, 50);
  s.groups = pick(0, 2) == 0 ? pick(2, 4) : 1;
  const bool is_depthwise = s.groups > 1 && pick(0, 2) == 0;
  s.in_channels = s.groups * (is_depthwise ? 1 : pick(0, 2) == 0 ? 1 : pick(1, 24));
  s.out_channels = s.groups * (is_depthwise ? 1 : pick(1, 40));
  s.width = pick(0, 3) == 0 ? 1 : pick(1, 24);
  s.stride = pick(0, 1) == 0 ? 1 : pick(1, 4);
  s.dilation = pick(0, 1) == 0 ? 1 : pick(0, 1) == 0 ? pick(1, 4) : pick(1, 90);
  const int64_t reach = (s.width - 1) * s.dilation;
  s.pad_left = pick(0, 2) == 0 ? reach / 2 : pick(0, 3) == 0 ? s.in_length + pick(0, 9) : pick(0, reach);
  s.out_length = pick(0, 1) == 0 ? (s.in_length + s.stride - 1) / s.stride : pick(1, 50);
  s.x_row = s.in_channels + (pick(0, 1) == 0 ? 0 : pick(0, 7));
  s.y_row = s.out_channels + (pick(0, 1) == 0 ? 0 : pick(0, 7));
  s.x_batch = s.in_length * s.x_row + pick(0, 5);
  s.y_batch = s.out_length * s.y_row + pick(0, 5);
  return s;
}

std::string describe(const Conv1dSizes& s) {
  return text("batch ", s.batch, " length ", s.in_length, "→", s.out_length, " channels ", s.in_channels, "→",
              s.out_channels, " width ", s.width, " stride ", s.stride, " dilation ", s.dilation, " groups ",
              s.groups, " pad ", s.pad_left, " rows ", s.x_row, " ", s.y_row);
}

// Largest difference, relative to the largest expected value; 0 for two empty results.
template <class T>
double difference(const std::vector<T>& got, const std::vector<double>& expected) {
  double worst = 0, scale = 1;
  for (size_t i = 0; i < got.size(); ++i) {
    worst = std::max(worst, std::isfinite(got[i]) ? std::abs(double(got[i]) - expected[i]) : 1e30);
    scale = std::max(scale, std::abs(expected[i]));
  }
  return worst / scale;
}

template <class T>
struct ConvData {
  std::vector<T> x, w, bias, dy, y, dx, dw, dbias;
};

template <class T>
ConvData<T> make_data(const Conv1dSizes& s, unsigned seed) {
  return {random_values<T>(x_elements(s), seed),      random_values<T>(w_elements(s), seed + 1),
          random_values<T>(s.out_channels, seed + 2), random_values<T>(y_elements(s), seed + 3),
          random_values<T>(y_elements(s), seed + 4),  random_values<T>(x_elements(s), seed + 5),
          random_values<T>(w_elements(s), seed + 6),  random_values<T>(s.out_channels, seed + 7)};
}

// Elements of rows that lie between the channels of one row and the next are left alone by all passes.
template <class T>
ConvResult expected_of(const Conv1dSizes& s, const ConvData<T>& data, bool has_bias, bool accumulate) {
  ConvResult r{{data.y.begin(), data.y.end()},
               {data.dx.begin(), data.dx.end()},
               {data.dw.begin(), data.dw.end()},
               {data.dbias.begin(), data.dbias.end()}};
  for (int64_t b = 0; b < s.batch; ++b) {
    for (int64_t t = 0; t < s.out_length; ++t)
      for (int64_t n = 0; n < s.out_channels; ++n)
        r.y[b * s.y_batch + t * s.y_row + n] = has_bias ? double(data.bias[n]) : 0.0;
    for (int64_t i = 0; i < s.in_length && !accumulate; ++i)
      std::fill_n(r.dx.begin() + b * s.x_batch + i * s.x_row, s.in_channels, 0.0);
  }
  if (!accumulate) {
    std::fill(r.dw.begin(), r.dw.end(), 0.0);
    std::fill(r.dbias.begin(), r.dbias.end(), 0.0);
  }
  add_reference(s, data.x.data(), data.w.data(), data.dy.data(), r);
  return r;
}

// The definition of every pass, and what is left of it when products are of operands rounded to bf16.
template <class T>
struct Expected {
  ConvResult plain, in_bf16;
  Expected(const Conv1dSizes& s, ConvData<T> data, bool has_bias, bool accumulate)
      : plain(expected_of(s, data, has_bias, accumulate)) {
    for (auto* operand : {&data.x, &data.w, &data.dy})
      for (T& v : *operand) v = rounded_to_bf16(v);
    in_bf16 = expected_of(s, data, has_bias, accumulate);
    in_bf16.dbias = plain.dbias;  // a sum, no product
  }
  const ConvResult& of(const KernelOptions& options) const {
    return options.precision == Precision::bf16 ? in_bf16 : plain;
  }
};

template <class T>
void run_all_passes(const Conv1dSizes& s, ConvData<T>& data, bool has_bias, bool accumulate,
                    KernelOptions options) {
  {
    const Workspace workspace(conv1d_workspace<T>(Conv1dPass::forward, s, options));
    workspace.lend_to(options);
    conv1d_forward(s, data.x.data(), data.w.data(), has_bias ? data.bias.data() : nullptr, data.y.data(),
                   options);
  }
  {
    const Workspace workspace(conv1d_workspace<T>(Conv1dPass::backward_data, s, options));
    workspace.lend_to(options);
    conv1d_backward_data(s, data.dy.data(), data.w.data(), data.dx.data(), accumulate, options);
  }
  const Workspace workspace(conv1d_workspace<T>(Conv1dPass::backward_weights, s, options));
  workspace.lend_to(options);
  conv1d_backward_weights(s, data.x.data(), data.dy.data(), data.dw.data(),
                          has_bias ? data.dbias.data() : nullptr, accumulate, options);
}

template <class T>
void check_passes(const Conv1dSizes& s, const ConvData<T>& given, const ConvResult& expected, bool has_bias,
                  bool accumulate, const KernelOptions& options, double tolerance) {
  ConvData<T> data = given, again = given;
  run_all_passes(s, data, has_bias, accumulate, options);
  CHECK(difference(data.y, expected.y) < tolerance);
  CHECK(difference(data.dx, expected.dx) < tolerance);
  CHECK(difference(data.dw, expected.dw) < tolerance);
  if (has_bias) CHECK(difference(data.dbias, expected.dbias) < 1e-5);
  run_all_passes(s, again, has_bias, accumulate, options);
  const bool same_bytes =
      data.y == again.y && data.dx == again.dx && data.dw == again.dw && data.dbias == again.dbias;
  CHECK(same_bytes);
}

template <class T>
void check_random_shapes(int shapes, const std::vector<Way>& ways) {
  std::mt19937 bits(7);
  for (int i = 0; i < shapes; ++i) {
    const Conv1dSizes s = random_sizes(bits);
    const bool has_bias = i % 4 != 0, accumulate = i % 2 == 0;
    const ConvData<T> data = make_data<T>(s, i);
    const Expected<T> expected(s, data, has_bias, accumulate);
    const std::string shape = describe(s);
    CAPTURE(shape);
    for (const Way& way : ways) {
      if (i % way.every != 0) continue;
      CAPTURE(way.name);
      KernelOptions options = way.options;
      options.threads = 1 + i / 3 % 3;
      check_passes(s, data, expected.of(options), has_bias, accumulate, options, way.tolerance);
    }
  }
}

// One convolution's sizes with same padding and rows without gaps.
Conv1dSizes same_padded(int64_t batch, int64_t length, int64_t in, int64_t out, int64_t width) {
  return packed({.batch = batch,
                 .in_length = length,
                 .out_length = length,
                 .in_channels = in,
                 .out_channels = out,
                 .width = width,
                 .pad_left = (width - 1) / 2});
}

// The same without padding: the series grows shorter.
Conv1dSizes unpadded(int64_t batch, int64_t length, int64_t in, int64_t out, int64_t width) {
  Conv1dSizes s = same_padded(batch, length, in, out, width);
  s.pad_left = 0;
  s.out_length = length - width + 1;
  return packed(s);
}

}  // namespace

TEST_CASE("conv1d kernels: all passes, sets and precisions against the definition") {
  check_random_shapes<float>(300, ways_here());
}

TEST_CASE("conv1d kernels: work that is shared by threads against the definition") {
  // Many samples, one long sample, and few samples split in time.
  for (const Conv1dSizes& s :
       {same_padded(9, 40, 12, 33, 9), same_padded(1, 300, 24, 20, 11), same_padded(2, 150, 20, 33, 14)}) {
    const ConvData<float> data = make_data<float>(s, 5);
    const Expected<float> expected(s, data, true, true);
    for (Way way : ways_here()) {
      CAPTURE(way.name);
      way.options.threads = 3;
      check_passes(s, data, expected.of(way.options), true, true, way.options, way.tolerance);
    }
  }
}

TEST_CASE("conv1d kernels: products of transformed blocks against the definition") {
  // Fourier: one transform per series and several; zeros that catch what wraps around and none; more taps
  // than steps; dilation that divides the length and not; odd channels, rows inside a wider buffer, padding
  // beyond the series.
  Conv1dSizes gaps = same_padded(6, 75, 28, 61, 16);
  gaps.x_row = 35;
  gaps.x_batch = 75 * 35 + 5;
  gaps.y_row = 70;
  gaps.y_batch = 75 * 70 + 3;
  Conv1dSizes outside = same_padded(9, 43, 32, 32, 26);
  outside.pad_left = 30;
  Conv1dSizes dilated = same_padded(5, 200, 64, 32, 9);
  dilated.dilation = 7;
  dilated.pad_left = 28;
  Conv1dSizes sparse = same_padded(40, 30, 32, 32, 40);
  sparse.dilation = 3;
  sparse.pad_left = 58;
  // Winograd: rows that four does not divide, also of the phases of a dilation; odd channels; no padding.
  Conv1dSizes winograd_dilated = same_padded(3, 301, 64, 128, 3);
  winograd_dilated.dilation = winograd_dilated.pad_left = 5;
  for (const Conv1dSizes& s :
       {unpadded(9, 90, 96, 61, 3), winograd_dilated, same_padded(4, 151, 130, 64, 3),
        same_padded(7, 150, 32, 32, 40), same_padded(33, 61, 36, 30, 14), same_padded(1, 900, 32, 64, 20),
        same_padded(64, 15, 32, 32, 40), same_padded(5, 97, 64, 96, 7), gaps, outside,
        unpadded(5, 90, 40, 59, 12), dilated, sparse}) {
    CAPTURE(describe(s));
    const Window<float> window{.batch = s.batch,
                               .rows = s.out_length,
                               .taps = s.width,
                               .depth = s.in_channels,
                               .columns = s.out_channels,
                               .first = -s.pad_left,
                               .dilation = s.dilation,
                               .length = s.in_length};
    REQUIRE(choose_blocks(window, {}).transform != nullptr);
    const ConvData<float> data = make_data<float>(s, 5);
    for (const bool accumulate : {false, true}) {
      const Expected<float> expected(s, data, true, accumulate);
      for (Way way : ways_here()) {
        CAPTURE(way.name);
        way.options.threads = 1 + 2 * accumulate;
        check_passes(s, data, expected.of(way.options), true, accumulate, way.options,
                     way.options.precision == Precision::bf16x3 ? 1.2e-5 : 4e-6);
      }
    }
  }
}

TEST_CASE("conv1d kernels: double against the definition") {
  check_random_shapes<double>(150, {{"double", {.isa = Isa::portable}, 1e-13, 1}});
}

TEST_CASE("conv1d kernels: forward and backward data do not depend on the number of threads") {
  for (const Conv1dSizes& s : {same_padded(3, 200, 24, 33, 8), same_padded(7, 100, 24, 33, 22)}) {
    const auto x = random_values<float>(x_elements(s), 1), w = random_values<float>(w_elements(s), 2);
    const auto dy = random_values<float>(y_elements(s), 3);
    std::vector<float> y[2] = {dy, dy}, dx[2] = {x, x};
    for (int i : {0, 1}) {
      KernelOptions options{.threads = i == 0 ? 1 : 5};
      const Workspace memory(std::max(conv1d_workspace<float>(Conv1dPass::forward, s, options),
                                      conv1d_workspace<float>(Conv1dPass::backward_data, s, options)));
      memory.lend_to(options);
      conv1d_forward<float>(s, x.data(), w.data(), nullptr, y[i].data(), options);
      conv1d_backward_data<float>(s, dy.data(), w.data(), dx[i].data(), false, options);
    }
    CHECK(y[0] == y[1]);
    CHECK(dx[0] == dx[1]);
  }
}

TEST_CASE("conv1d kernels: sizes that make no convolution are errors") {
  const auto workspace = [](const Conv1dSizes& s, const KernelOptions& options = {}) {
    return conv1d_workspace<float>(Conv1dPass::forward, s, options);
  };
  Conv1dSizes s = same_padded(2, 10, 6, 4, 3);
  CHECK(workspace(s) > 0);
  s.groups = 4;
  CHECK_THROWS_WITH_AS(workspace(s), "[conv1d] 6 and 4 channels do not divide into 4 groups", Error);
  s.groups = 1;
  s.x_row = 5;
  CHECK_THROWS_AS(workspace(s), Error);
  s.x_row = 6;
  s.dilation = 0;
  CHECK_THROWS_AS(workspace(s), Error);
  s.dilation = 1;
  CHECK_THROWS_AS(workspace(s, {.threads = 0}), Error);
  CHECK_THROWS_AS(conv1d_workspace<double>(Conv1dPass::forward, s, {.precision = Precision::bf16}), Error);
  const std::vector<float> x(x_elements(s)), w(w_elements(s));
  std::vector<float> y(y_elements(s));
  KernelOptions options;
  const Workspace memory(workspace(s) - 1);
  memory.lend_to(options);
  CHECK_THROWS_AS(conv1d_forward<float>(s, x.data(), w.data(), nullptr, y.data(), options), Error);
  if (!has_isa(Isa::amx)) CHECK_THROWS_AS(workspace(s, {.isa = Isa::amx}), Error);
}

}  // namespace mellow::testing
