// SPDX-License-Identifier: MIT
// The transforms behind long convolutions, against their definition in double.
#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include <doctest/doctest.h>

#include "mellow/kernels/cpu/fourier_transform.h"
#include "mellow/tests/kernels/conv1d_reference.h"

namespace mellow::testing {
namespace {

using namespace cpu;

std::complex<double> bin_of(const std::vector<double>& series, int64_t k) {
  std::complex<double> sum;
  const auto n = static_cast<int64_t>(series.size());
  for (int64_t t = 0; t < n; ++t)
    sum += series[t] * std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(t * k % n) / double(n));
  return sum;
}

}  // namespace

TEST_CASE("fourier transform: plans exist for sizes without other factors than 2, 3 and 5") {
  for (const int64_t size : {2, 3, 8, 45, 150, 180, 512}) CHECK(has_fourier_plan(size));
  for (const int64_t size : {-4, 0, 1, 7, 14, 22, 511}) CHECK_FALSE(has_fourier_plan(size));
}

TEST_CASE("fourier transform: spectra and back against the definition") {
  for (const int64_t size : {2, 3, 4, 5, 8, 9, 12, 25, 30, 45, 64, 90, 135, 180, 500}) {
    for (const int64_t channels : {1, 15, 16, 17, 32}) {
      CAPTURE(size);
      CAPTURE(channels);
      const FourierPlan& plan = fourier_plan(size);
      // Steps 1 … size - 1 or fewer are there, in rows wider than the channels.
      const int64_t row = channels + 3, begin = size > 4 ? 1 : 0, end = size > 8 ? size - 2 : size;
      const auto x = random_values<float>((end - begin) * row, static_cast<unsigned>(size));
      const Workspace memory(static_cast<size_t>(plan.scratch_floats()) * sizeof(float));
      KernelOptions lent;
      memory.lend_to(lent);
      auto* scratch = static_cast<float*>(lent.workspace);
      for (const int64_t width : {8, 16, 32}) {
        const SpectraLayout layout{3, width, 64 / width};
        std::vector<float> left(static_cast<size_t>(plan.bins() * layout.bin())), right = left;
        const FourierInput input{x.data(), row, begin, end, channels};
        spectrum_of(plan, input, FourierSide::left, layout, 1, 32, left.data(), scratch);
        spectrum_of(plan, input, FourierSide::right, layout, 1, 32, right.data(), scratch);
        double worst = 0;
        for (int64_t c = 0; c < 32; ++c) {
          std::vector<double> series(static_cast<size_t>(size));
          for (int64_t t = begin; t < end && c < channels; ++t) series[t] = double(x[(t - begin) * row + c]);
          for (int64_t k = 0; k < plan.bins(); ++k) {
            const std::complex<double> wanted = 2.0 * bin_of(series, k);
            const int64_t at =
                k * layout.bin() + (32 + c) / width * layout.panel() + width + (32 + c) % width;
            const auto part = [&](const std::vector<float>& s, int64_t i) {
              return double(s[at + i * layout.part()]);
            };
            for (const double error :
                 {part(left, 0) - wanted.real() - wanted.imag(), part(left, 1) - wanted.imag(),
                  part(left, 2) - wanted.real(), part(right, 0) - wanted.real(),
                  part(right, 1) - wanted.imag() + wanted.real(),
                  part(right, 2) + wanted.imag() + wanted.real()})
              worst = std::max(worst, std::abs(error));
          }
        }
        CHECK(worst < 4e-7 * double(size) + 1e-5);
      }
      // Real and imaginary parts [bin][2][32] of the series itself give it back.
      std::vector<float> spectrum(static_cast<size_t>(plan.bins() * 64)),
          y(static_cast<size_t>(size * row), 5);
      for (int64_t c = 0; c < channels; ++c) {
        std::vector<double> series(static_cast<size_t>(size));
        for (int64_t t = begin; t < end; ++t) series[t] = double(x[(t - begin) * row + c]);
        for (int64_t k = 0; k < plan.bins(); ++k) {
          spectrum[k * 64 + c] = float(bin_of(series, k).real());
          spectrum[k * 64 + 32 + c] = float(bin_of(series, k).imag());
        }
      }
      series_of(plan, {spectrum.data(), spectrum.data() + 32, 64},
                {y.data(), row, size - 1, channels, 1.0f / float(size), nullptr, true}, scratch);
      double worst = 0;
      for (int64_t t = 0; t < size; ++t)
        for (int64_t c = 0; c < row; ++c) {
          const bool is_there = t >= begin && t < end, is_written = c < channels && t + 1 < size;
          const double series = is_there && c < channels ? double(x[(t - begin) * row + c]) : 0;
          worst = std::max(worst, std::abs(double(y[t * row + c]) - 5 - (is_written ? series : 0)));
        }
      CHECK(worst < 1e-5);
    }
  }
}

}  // namespace mellow::testing
