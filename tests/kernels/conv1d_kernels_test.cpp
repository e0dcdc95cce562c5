// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/conv1d_kernels.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <doctest/doctest.h>

#include "mellow/engine/core/error.h"
#include "mellow/tests/kernels/conv1d_reference.h"
#include "mellow/tests/kernels/software_tiles.h"

namespace mellow::testing {
namespace {

using namespace cpu;

std::vector<Isa> sets_here() {
  std::vector<Isa> sets;
  for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512, Isa::amx}) {
    if (has_isa(isa))
      sets.push_back(isa);
    else
      MESSAGE("skipped, this machine has no " << std::string(name_of(isa)));
  }
  return sets;
}

// Sizes of every kind: strides, dilation beyond the series, groups, even widths, one step, one channel, padding beyond
// the series, rows inside a wider buffer, an empty batch.
Conv1dSizes random_sizes(std::mt19937& bits) {
  const auto pick = [&](int64_t low, int64_t high) { return low + int64_t(bits() % uint64_t(high - low + 1)); };
  Conv1dSizes s;
  s.batch = pick(0, 9) == 0 ? 0 : pick(1, 5);
  s.in_length = pick(0, 3) == 0 ? pick(1, 3) : pick(1, 70);
  s.groups = pick(0, 2) == 0 ? pick(2, 4) : 1;
  const bool is_depthwise = s.groups > 1 && pick(0, 2) == 0;
  s.in_channels = s.groups * (is_depthwise ? 1 : pick(0, 2) == 0 ? 1 : pick(1, 40));
  s.out_channels = s.groups * (is_depthwise ? 1 : pick(1, 45));
  s.width = pick(0, 3) == 0 ? 1 : pick(1, 24);
  s.stride = pick(0, 1) == 0 ? 1 : pick(1, 4);
  s.dilation = pick(0, 1) == 0 ? 1 : pick(0, 1) == 0 ? pick(1, 4) : pick(1, 90);
  const int64_t reach = (s.width - 1) * s.dilation;
  s.pad_left = pick(0, 2) == 0 ? reach / 2 : pick(0, 3) == 0 ? s.in_length + pick(0, 9) : pick(0, reach);
  s.out_length = pick(0, 1) == 0 ? (s.in_length + s.stride - 1) / s.stride : pick(1, 70);
  s.x_row = s.in_channels + (pick(0, 1) == 0 ? 0 : pick(0, 7));
  s.y_row = s.out_channels + (pick(0, 1) == 0 ? 0 : pick(0, 7));
  s.x_batch = s.in_length * s.x_row + pick(0, 5);
  s.y_batch = s.out_length * s.y_row + pick(0, 5);
  return s;
}

std::string describe(const Conv1dSizes& s) {
  return text("batch ", s.batch, " length ", s.in_length, "→", s.out_length, " channels ", s.in_channels, "→",
              s.out_channels, " width ", s.width, " stride ", s.stride, " dilation ", s.dilation, " groups ", s.groups,
              " pad ", s.pad_left, " rows ", s.x_row, " ", s.y_row);
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
  return {random_values<T>(x_elements(s), seed),     random_values<T>(w_elements(s), seed + 1),
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

template <class T>
void run_all_passes(const Conv1dSizes& s, ConvData<T>& data, bool has_bias, bool accumulate, KernelOptions options) {
  {
    const Workspace workspace(conv1d_workspace<T>(Conv1dPass::forward, s, options));
    workspace.lend_to(options);
    conv1d_forward(s, data.x.data(), data.w.data(), has_bias ? data.bias.data() : nullptr, data.y.data(), options);
  }
  {
    const Workspace workspace(conv1d_workspace<T>(Conv1dPass::backward_data, s, options));
    workspace.lend_to(options);
    conv1d_backward_data(s, data.dy.data(), data.w.data(), data.dx.data(), accumulate, options);
  }
  const Workspace workspace(conv1d_workspace<T>(Conv1dPass::backward_weights, s, options));
  workspace.lend_to(options);
  conv1d_backward_weights(s, data.x.data(), data.dy.data(), data.dw.data(), has_bias ? data.dbias.data() : nullptr,
                          accumulate, options);
}

template <class T>
void check_passes(const Conv1dSizes& s, unsigned seed, bool has_bias, bool accumulate, const KernelOptions& options,
                  double tolerance) {
  ConvData<T> data = make_data<T>(s, seed), again = data;
  const ConvResult expected = expected_of(s, data, has_bias, accumulate);
  run_all_passes(s, data, has_bias, accumulate, options);
  CHECK(difference(data.y, expected.y) < tolerance);
  CHECK(difference(data.dx, expected.dx) < tolerance);
  CHECK(difference(data.dw, expected.dw) < tolerance);
  if (has_bias) CHECK(difference(data.dbias, expected.dbias) < 1e-5);
  run_all_passes(s, again, has_bias, accumulate, options);
  const bool same_bytes = data.y == again.y && data.dx == again.dx && data.dw == again.dw && data.dbias == again.dbias;
  CHECK(same_bytes);
}

template <class T>
void check_random_shapes(Isa isa, Precision precision, int shapes, double tolerance,
                         const Bf16Kernels* bf16_kernels = nullptr) {
  std::mt19937 bits(7);
  for (int i = 0; i < shapes; ++i) {
    const Conv1dSizes s = random_sizes(bits);
    const std::string shape = describe(s), set = name_of(isa);
    CAPTURE(shape);
    CAPTURE(set);
    const KernelOptions options{
        .threads = 1 + i % 3, .precision = precision, .isa = isa, .bf16_kernels = bf16_kernels};
    check_passes<T>(s, i, i % 3 != 0, i % 2 == 0, options, tolerance);
  }
}

}  // namespace

TEST_CASE("conv1d kernels: fp32 on every instruction set against the definition") {
  for (Isa isa : sets_here()) check_random_shapes<float>(isa, Precision::fp32, 300, 1e-5);
}

TEST_CASE("conv1d kernels: double against the definition") {
  check_random_shapes<double>(Isa::portable, Precision::fp32, 150, 1e-13);
}

TEST_CASE("conv1d kernels: bf16 and bf16x3 keep their accuracy on every instruction set") {
  for (Isa isa : sets_here()) {
    check_random_shapes<float>(isa, Precision::bf16, 150, 2e-2);
    check_random_shapes<float>(isa, Precision::bf16x3, 150, 1e-5);
  }
}

TEST_CASE("conv1d kernels: the code around the tile unit, on tiles in software") {
  check_random_shapes<float>(Isa::portable, Precision::bf16, 150, 2e-2, &software_tiles);
  check_random_shapes<float>(Isa::portable, Precision::bf16x3, 150, 1e-5, &software_tiles);
}

}  // namespace mellow::testing
