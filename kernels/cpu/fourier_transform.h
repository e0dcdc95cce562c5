// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

namespace mellow::cpu {

// Discrete Fourier transforms of real series of 32 channels side by side: channel c and c + 16 are the real
// and imaginary part of one complex series, 16 of these are transformed in vector lanes.
constexpr int64_t fourier_lanes = 16, fourier_channels = 2 * fourier_lanes;

// A transform of `size` points: Stockham stages of radix 2 … 5 (Van Loan, Computational Frameworks for the
// Fast Fourier Transform, 1992, §1.7). A stage of radix r on length n: for p < n / r, j < r, q < stride
//   b[q + stride (r p + j)] = w_n^(p j) · sum over k of w_r^(j k) a[q + stride (p + k n / r)],  w_n = e^(-2 π
//   i / n)
struct FourierPlan {
  struct Stage {
    int radix;
    int64_t length, stride;
    int64_t twiddles;  // index of w_n^(p j) [p][j = 1 …][re, im]
  };
  int64_t size;
  std::vector<Stage> stages;
  std::vector<float> twiddles;

  int64_t bins() const { return size / 2 + 1; }
  int64_t scratch_floats() const { return 2 * size * fourier_channels; }
};

// The plan of a size 2^a 3^b 5^c, made once and kept for the life of the program. Thread-safe.
const FourierPlan& fourier_plan(int64_t size);
bool has_fourier_plan(int64_t size);

// Steps [begin, end) of a transform's input, `row` elements apart, from `x` on; the others are zero.
struct FourierInput {
  const float* x;
  int64_t row, begin, end;
  int64_t channels;  // 1 … 32
};

// Where spectra lie: three parts of each, [bin][panel][part][slot][panel width], so that the parts of one bin
// are matrices [slot, channel] in panels as the register tiles take them.
struct SpectraLayout {
  int64_t slots, width, panels;
  int64_t part() const { return slots * width; }
  int64_t panel() const { return 3 * part(); }
  int64_t bin() const { return panels * panel(); }
};

// The product of spectra X and conj(H) by three real products instead of four, A0 B0 + A1 B1 its real and
// A0 B0 + A2 B2 its imaginary part: X gives the left parts (re + im, im, re), H the right ones (re, im - re,
// -im - re). All spectra are twice the transform.
enum class FourierSide { left, right };

// Writes the spectrum of 32 channels to `slot`, from channel `channel` (a multiple of 32) of the layout on.
void spectrum_of(const FourierPlan& plan, const FourierInput& input, FourierSide side,
                 const SpectraLayout& layout, int64_t slot, int64_t channel, float* spectra, float* scratch);

// A product's spectrum of 32 channels: real and imaginary part of bin k at re + k * bin and im + k * bin.
struct FourierSpectrum {
  const float *re, *im;
  int64_t bin;
};

// Steps 0 … steps - 1 of the series, `row` elements apart: y := bias + scale · series, or y += scale ·
// series.
struct FourierOutput {
  float* y;
  int64_t row, steps;
  int64_t channels;   // 1 … 32
  float scale;        // 1 / (4 size) undoes two spectra of twice the transform and the missing 1 / size
  const float* bias;  // null: none
  bool add;           // then bias is not added
};

void series_of(const FourierPlan& plan, const FourierSpectrum& spectrum, const FourierOutput& output,
               float* scratch);

}  // namespace mellow::cpu
