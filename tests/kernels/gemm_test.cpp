// SPDX-License-Identifier: MIT
#include <cmath>
#include <string>

#include <doctest/doctest.h>

#include "mellow/engine/core/error.h"
#include "mellow/kernels/cpu/bf16.h"
#include "mellow/kernels/cpu/gemm.h"
#include "mellow/tests/kernels/conv1d_reference.h"

namespace mellow::testing {
namespace {

using namespace cpu;

// Exactly the elements a matrix of `rows` rows and its batch touch.
int64_t extent(int64_t batch, int64_t stride, int64_t rows, int64_t row, int64_t columns) {
  return batch == 0 || rows == 0 || columns == 0 ? 0 : (batch - 1) * stride + (rows - 1) * row + columns;
}

template <class T>
void check_product(Gemm<T> g, KernelOptions options, unsigned seed, double tolerance) {
  const auto a = random_values<T>(
      g.trans_a ? extent(g.batch, g.a_batch, g.k, g.lda, g.m) : extent(g.batch, g.a_batch, g.m, g.lda, g.k),
      seed);
  const auto b = random_values<T>(
      g.trans_b ? extent(g.batch, g.b_batch, g.n, g.ldb, g.k) : extent(g.batch, g.b_batch, g.k, g.ldb, g.n),
      seed + 1);
  auto c = random_values<T>(extent(g.batch, g.c_batch, g.m, g.ldc, g.n), seed + 2);
  const auto before = c;
  g.a = a.data();
  g.b = b.data();
  g.c = c.data();
  const Workspace workspace(gemm_workspace(g, options));
  workspace.lend_to(options);
  gemm(g, options);
  const auto operand = [&](T v) {
    return double(options.precision == Precision::bf16 ? rounded_to_bf16(v) : v);
  };
  std::vector<double> expected(before.begin(), before.end());
  for (int64_t i = 0; i < g.batch; ++i)
    for (int64_t r = 0; r < g.m; ++r)
      for (int64_t n = 0; n < g.n; ++n) {
        double sum = g.accumulate ? double(before[i * g.c_batch + r * g.ldc + n]) : 0;
        for (int64_t k = 0; k < g.k; ++k)
          sum += operand(a[i * g.a_batch + (g.trans_a ? k * g.lda + r : r * g.lda + k)]) *
                 operand(b[i * g.b_batch + (g.trans_b ? n * g.ldb + k : k * g.ldb + n)]);
        expected[i * g.c_batch + r * g.ldc + n] = sum;
      }
  double worst = 0, scale = 1;
  for (size_t i = 0; i < c.size(); ++i) {
    worst = std::max(worst, std::isfinite(c[i]) ? std::abs(double(c[i]) - expected[i]) : 1e30);
    scale = std::max(scale, std::abs(expected[i]));
  }
  CHECK(worst / scale < tolerance);
}

template <class T>
void check_random_products(Isa isa, Precision precision, int count, double tolerance) {
  std::mt19937 bits(11);
  const auto pick = [&](int64_t low, int64_t high) {
    return low + int64_t(bits() % uint64_t(high - low + 1));
  };
  for (int i = 0; i < count; ++i) {
    Gemm<T> g{.m = pick(1, 70),
              .n = pick(1, 70),
              .k = pick(0, 9) == 0 ? pick(500, 700) : pick(0, 90),
              .a = nullptr,
              .lda = 0,
              .trans_a = pick(0, 1) == 0,
              .b = nullptr,
              .ldb = 0,
              .trans_b = pick(0, 1) == 0,
              .c = nullptr,
              .ldc = 0,
              .accumulate = pick(0, 1) == 0,
              .batch = pick(0, 1) == 0 ? 1 : pick(0, 5)};
    g.lda = (g.trans_a ? g.m : g.k) + pick(0, 3);
    g.ldb = (g.trans_b ? g.k : g.n) + pick(0, 3);
    g.ldc = g.n + pick(0, 3);
    g.a_batch = pick(0, 3) == 0 ? 0 : g.lda * (g.trans_a ? g.k : g.m);
    g.b_batch = pick(0, 1) == 0 ? 0 : g.ldb * (g.trans_b ? g.n : g.k);
    g.c_batch = g.ldc * g.m + pick(0, 5);
    const std::string shape = text(name_of(isa), " m ", g.m, " n ", g.n, " k ", g.k, " transposed ",
                                   g.trans_a, g.trans_b, " batch ", g.batch, " accumulate ", g.accumulate);
    CAPTURE(shape);
    check_product(g, {.threads = 1 + i % 3, .precision = precision, .isa = isa}, i, tolerance);
  }
}

}  // namespace

TEST_CASE("gemm: every instruction set and precision against the definition") {
  for (Isa isa : all_isas) {
    if (!has_isa(isa)) {
      MESSAGE("skipped, this machine has no " << std::string(name_of(isa)));
      continue;
    }
    check_random_products<float>(isa, Precision::fp32, 150, 1e-5);
    check_random_products<float>(isa, Precision::bf16, 60, 1e-5);
    check_random_products<float>(isa, Precision::bf16x3, 60, 1.2e-5);
  }
  check_random_products<double>(Isa::portable, Precision::fp32, 60, 1e-13);
}

TEST_CASE("gemm: products that are shared by threads") {
  const Gemm<float> one{.m = 200,
                        .n = 130,
                        .k = 90,
                        .a = nullptr,
                        .lda = 90,
                        .b = nullptr,
                        .ldb = 130,
                        .c = nullptr,
                        .ldc = 130};
  check_product(one, {.threads = 3}, 1, 1e-5);
  Gemm<float> five = one;
  five.batch = 5;
  five.a_batch = 200 * 90;
  five.b_batch = 90 * 130;
  five.c_batch = 200 * 130;
  for (int threads : {3, 6}) check_product(five, {.threads = threads}, 2, 1e-5);
}

TEST_CASE("gemm: what cannot be run is an error that says so") {
  const float a[4] = {}, b[4] = {};
  float c[4];
  Gemm<float> g{.m = 2, .n = 2, .k = 2, .a = a, .lda = 2, .b = b, .ldb = 2, .c = c, .ldc = 2};
  CHECK_THROWS_WITH_AS(gemm(g, {}), "[gemm] the workspace must be aligned to 64 bytes", Error);
  CHECK_THROWS_AS(gemm_workspace(g, {.threads = 0}), Error);
  g.lda = 1;
  CHECK_THROWS_AS(gemm_workspace(g, {}), Error);
  const Gemm<double> d{
      .m = 1, .n = 1, .k = 1, .a = nullptr, .lda = 1, .b = nullptr, .ldb = 1, .c = nullptr, .ldc = 1};
  CHECK_THROWS_AS(gemm_workspace(d, {.precision = Precision::bf16}), Error);
}

}  // namespace mellow::testing
