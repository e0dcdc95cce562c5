// SPDX-License-Identifier: MIT
// The transforms behind convolutions of several taps, each by itself, against sliding products in double.
#include <algorithm>
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "mellow/kernels/cpu/fourier_transform.h"
#include "mellow/kernels/cpu/winograd_transform.h"
#include "mellow/tests/kernels/conv1d_reference.h"

namespace mellow::testing {
namespace {

using namespace cpu;

// One slot of a layout with two groups of 32 channels, of which the second is used.
struct Points {
  Points(const BlockTransform& transform, int64_t width)
      : layout{transform.parts, 3, width, 64 / width},
        values(static_cast<size_t>(transform.points * layout.point()), 7.0f) {}
  BlockPlace place() { return {layout, values.data(), 1, 32}; }
  double at(int64_t point, int64_t part, int64_t c) {
    return double(place().at(32 + c)[point * layout.point() + part * layout.part()]);
  }
  const BlockLayout layout;
  std::vector<float> values;
};

// Point by point as the register tiles would: [point][re, im][32].
std::vector<float> product_of(const BlockTransform& transform, Points& a, Points& b) {
  std::vector<float> product(static_cast<size_t>(transform.points * 64));
  for (int64_t k = 0; k < transform.points; ++k)
    for (int64_t c = 0; c < 32; ++c) {
      const auto times = [&](int64_t part) { return a.at(k, part, c) * b.at(k, part, c); };
      product[k * 64 + c] = float(transform.parts > 1 ? times(0) + times(1) : times(0));
      if (transform.parts > 1) product[k * 64 + 32 + c] = float(times(0) + times(2));
    }
  return product;
}

// Adds `steps` steps to fives and compares them with five + expected(t, c); what lies between is left alone.
template <class F, class G>
void check_steps(int64_t channels, int64_t steps, F&& write, G&& expected) {
  const int64_t row = channels + 3;
  std::vector<float> y(static_cast<size_t>(steps * row), 5);
  write(BlockOutput{y.data(), row, steps, channels, nullptr, true});
  double worst = 0;
  for (int64_t t = 0; t < steps; ++t)
    for (int64_t c = 0; c < row; ++c)
      worst = std::max(worst, std::abs(double(y[t * row + c]) - 5 - (c < channels ? expected(t, c) : 0.0)));
  CHECK(worst < 2e-5);
}

// A block whose first and last step are zero, under `taps` taps, gives `rows` rows.
void check_transform(const BlockTransform& transform, int64_t taps, int64_t rows, int64_t channels,
                     int64_t width) {
  CAPTURE(transform.size);
  CAPTURE(taps);
  CAPTURE(channels);
  CAPTURE(width);
  const int64_t row = channels + 2, begin = 1, end = transform.size - 1;
  const auto seed = static_cast<unsigned>(transform.size);
  const auto x = random_values<float>((end - begin) * row, seed),
             w = random_values<float>(taps * row, seed + 1), dy = random_values<float>(rows * row, seed + 2);
  const auto x_at = [&](int64_t t, int64_t c) {
    return t < begin || t >= end ? 0.0 : double(x[(t - begin) * row + c]);
  };
  KernelOptions lent;
  const Workspace memory(static_cast<size_t>(transform.scratch_floats) * sizeof(float) + 64);
  memory.lend_to(lent);
  auto* scratch = static_cast<float*>(lent.workspace);
  Points left(transform, width), weights(transform, width), gradient(transform, width);
  transform.left({x.data(), row, begin, end, channels}, left.place(), scratch);
  transform.right_of_weights({w.data(), row, 0, taps, channels}, weights.place(), scratch);
  transform.right_of_gradient({dy.data(), row, 0, rows, channels}, gradient.place(), scratch);
  CHECK(left.values[0] == 7);  // other slots are left alone

  auto product = product_of(transform, left, weights);
  check_steps(
      channels, rows,
      [&](const BlockOutput& y) {
        transform.rows({product.data(), product.data() + 32, 64}, y, scratch);
      },
      [&](int64_t t, int64_t c) {
        double sum = 0;
        for (int64_t j = 0; j < taps; ++j) sum += x_at(t + j, c) * double(w[j * row + c]);
        return sum;
      });
  product = product_of(transform, left, gradient);
  check_steps(
      channels, taps,
      [&](const BlockOutput& dw) {
        transform.taps({product.data(), product.data() + 32, 64}, dw, scratch);
      },
      [&](int64_t j, int64_t c) {
        double sum = 0;
        for (int64_t t = 0; t < rows; ++t) sum += x_at(t + j, c) * double(dy[t * row + c]);
        return sum;
      });
}

// Calls f(kernels, width) for every instruction set of this machine and every width of panel.
template <class F>
void for_each_kernels(F&& f) {
  for (const Isa isa : all_isas) {
    if (!has_isa(isa)) continue;
    CAPTURE(name_of(isa));
    const BlockKernels& kernels = block_kernels_for(isa);
    for (const int64_t width : {8, 16, 32})
      if (width >= 2 * kernels.lanes) f(kernels, width);
  }
}

}  // namespace

TEST_CASE("fourier transform: exists for sizes without other factors than 2, 3 and 5") {
  for (const int64_t size : {2, 3, 8, 45, 150, 180, 512}) CHECK(has_fourier_transform(size));
  for (const int64_t size : {-4, 0, 1, 7, 14, 22, 511}) CHECK_FALSE(has_fourier_transform(size));
  const BlockKernels& kernels = portable_block_kernels();
  CHECK(&fourier_transform(45, kernels) == &fourier_transform(45, kernels));
}

TEST_CASE("fourier transform: sliding products of every radix against the definition") {
  for_each_kernels([](const BlockKernels& kernels, int64_t width) {
    for (const int64_t size : {4, 5, 8, 9, 12, 25, 30, 45, 64, 90, 135, 180, 500})
      for (const int64_t channels : {1, 15, 16, 17, 32}) {
        const int64_t taps = std::min<int64_t>(size / 2, 40);
        check_transform(fourier_transform(size, kernels), taps, size - taps + 1, channels, width);
      }
  });
}

TEST_CASE("fourier transform: zeros before the block catch what wraps around") {
  // Twelve rows under two taps: the last reads step 12, where step 0 answers, which is zero.
  for_each_kernels([](const BlockKernels& kernels, int64_t width) {
    check_transform(fourier_transform(12, kernels), 2, 12, 20, width);
  });
}

TEST_CASE("winograd transform: sliding products against the definition") {
  for_each_kernels([](const BlockKernels& kernels, int64_t width) {
    for (const int64_t channels : {1, 15, 16, 17, 32})
      check_transform(winograd_transform(kernels), 3, 4, channels, width);
  });
}

}  // namespace mellow::testing
