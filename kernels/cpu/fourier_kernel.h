// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/block_kernels.h"
#include "mellow/kernels/cpu/block_lanes.h"

// Fourier transforms of channels in vector lanes. Only the *_<set>.cpp units include this file. In an unnamed
// namespace for the reason given in tile_kernel.h.
namespace mellow::cpu {
namespace {

template <int lanes>
struct Complex {
  Lanes<lanes> re, im;
};

template <int lanes>
MELLOW_INLINE void add(const Complex<lanes>& a, const Complex<lanes>& b, Complex<lanes>& to) {
  to.re = a.re + b.re;
  to.im = a.im + b.im;
}
template <int lanes>
MELLOW_INLINE void subtract(const Complex<lanes>& a, const Complex<lanes>& b, Complex<lanes>& to) {
  to.re = a.re - b.re;
  to.im = a.im - b.im;
}
// less := a - i b, more := a + i b
template <int lanes>
MELLOW_INLINE void turn(const Complex<lanes>& a, const Complex<lanes>& b, Complex<lanes>& less,
                        Complex<lanes>& more) {
  less.re = a.re + b.im;
  less.im = a.im - b.re;
  more.re = a.re - b.im;
  more.im = a.im + b.re;
}
template <int lanes>
MELLOW_INLINE void rotate(const float* w, Complex<lanes>& x) {
  const Lanes<lanes> re = x.re * w[0] - x.im * w[1];
  x.im = x.re * w[1] + x.im * w[0];
  x.re = re;
}

// The transform of `radix` points.
template <int radix, int lanes>
MELLOW_INLINE void small_transform(const Complex<lanes>* x, Complex<lanes>* y) {
  if constexpr (radix == 2) {
    add(x[0], x[1], y[0]);
    subtract(x[0], x[1], y[1]);
  } else if constexpr (radix == 3) {
    constexpr float sine = 0.866025403784438646763723f;
    Complex<lanes> sum, difference, middle;
    add(x[1], x[2], sum);
    subtract(x[1], x[2], difference);
    add(x[0], sum, y[0]);
    middle.re = x[0].re - 0.5f * sum.re;
    middle.im = x[0].im - 0.5f * sum.im;
    difference.re *= sine;
    difference.im *= sine;
    turn(middle, difference, y[1], y[2]);
  } else if constexpr (radix == 4) {
    Complex<lanes> a, b, c, d;
    add(x[0], x[2], a);
    subtract(x[0], x[2], b);
    add(x[1], x[3], c);
    subtract(x[1], x[3], d);
    add(a, c, y[0]);
    subtract(a, c, y[2]);
    turn(b, d, y[1], y[3]);
  } else {
    static_assert(radix == 5);
    constexpr float cos1 = 0.309016994374947424102293f, cos2 = -0.809016994374947424102293f;
    constexpr float sin1 = 0.951056516295153572116439f, sin2 = 0.587785252292473129168706f;
    Complex<lanes> a, b, c, d, m, n;
    add(x[1], x[4], a);
    add(x[2], x[3], b);
    subtract(x[1], x[4], c);
    subtract(x[2], x[3], d);
    y[0].re = x[0].re + a.re + b.re;
    y[0].im = x[0].im + a.im + b.im;
    m.re = x[0].re + cos1 * a.re + cos2 * b.re;
    m.im = x[0].im + cos1 * a.im + cos2 * b.im;
    n.re = sin1 * c.re + sin2 * d.re;
    n.im = sin1 * c.im + sin2 * d.im;
    turn(m, n, y[1], y[4]);
    m.re = x[0].re + cos2 * a.re + cos1 * b.re;
    m.im = x[0].im + cos2 * a.im + cos1 * b.im;
    n.re = sin2 * c.re - sin1 * d.re;
    n.im = sin2 * c.im - sin1 * d.im;
    turn(m, n, y[2], y[3]);
  }
}

enum class Towards { spectrum, series };

template <Towards towards, int radix, int lanes>
MELLOW_INLINE void run_stage(int64_t size, const FourierStage& stage, Complex<lanes>* a) {
  const int64_t length = stage.length, parts = length / radix;
  const float* twiddles = stage.twiddles;
  for (int64_t p = 0; p < parts; ++p) {
    for (Complex<lanes>* at = a + p; at < a + size; at += length) {
      Complex<lanes> x[radix], y[radix];
      for (int k = 0; k < radix; ++k) x[k] = at[k * parts];
      if (towards == Towards::series && parts > 1)  // else all are 1
        for (int j = 1; j < radix; ++j) rotate(twiddles + 2 * (j - 1), x[j]);
      small_transform<radix>(x, y);
      if (towards == Towards::spectrum && parts > 1)
        for (int j = 1; j < radix; ++j) rotate(twiddles + 2 * (j - 1), y[j]);
      for (int k = 0; k < radix; ++k) at[k * parts] = y[k];
    }
    twiddles += 2 * (radix - 1);
  }
}

template <Towards towards, int lanes>
MELLOW_INLINE void transform(const FourierTables& tables, Complex<lanes>* a) {
  const int64_t count = tables.stage_count;
  for (int64_t i = 0; i < count; ++i) {
    const FourierStage& stage = tables.stages[towards == Towards::spectrum ? i : count - 1 - i];
    switch (stage.radix) {
      case 2: run_stage<towards, 2>(tables.size, stage, a); break;
      case 3: run_stage<towards, 3>(tables.size, stage, a); break;
      case 4: run_stage<towards, 4>(tables.size, stage, a); break;
      default: run_stage<towards, 5>(tables.size, stage, a);
    }
  }
}

// The product of spectra X and conj(H): X gives the left parts (re + im, im, re), H the right ones (re, im -
// re, -im - re).
template <int lanes>
MELLOW_INLINE void store_parts(bool is_left, const Complex<lanes>& x, int64_t part, float* to) {
  const Lanes<lanes> first = is_left ? x.re + x.im : x.re, second = is_left ? x.im : x.im - x.re,
                     third = is_left ? x.re : -x.im - x.re;
  store<lanes>(first, to);
  store<lanes>(second, to + part);
  store<lanes>(third, to + 2 * part);
}

// Channels c and c + paired make one complex series.
inline constexpr int64_t paired = block_channels / 2;

template <int lanes>
void spectrum_of(const FourierTables& tables, const BlockInput& input, bool is_left, const BlockPlace& to,
                 float* scratch) {
  auto* a = reinterpret_cast<Complex<lanes>*>(scratch);
  const int64_t n = tables.size, point = to.layout.point(), part = to.layout.part();
  const Complex<lanes> zero = {};
  for (int64_t first = 0; first < paired; first += lanes) {
    const int64_t low_channels = input.channels - first, high_channels = low_channels - paired;
    for (int64_t i = 0; i < input.begin; ++i) a[i] = zero;
    for (int64_t i = input.end; i < n; ++i) a[i] = zero;
    for (int64_t i = input.begin; i < input.end; ++i) {
      const float* x = input.x + (i - input.begin) * input.row + first;
      load<lanes>(x, low_channels, input.rounded, a[i].re);
      load<lanes>(x + paired, high_channels, input.rounded, a[i].im);
    }
    transform<Towards::spectrum>(tables, a);
    float *low_place = to.at(to.channel + first), *high_place = to.at(to.channel + first + paired);
    for (int64_t k = 0; k < tables.bins; ++k) {
      const Complex<lanes>&u = a[tables.place[k]], &v = a[tables.place[k == 0 ? 0 : n - k]];
      const Complex<lanes> low = {u.re + v.re, u.im - v.im}, high = {u.im + v.im, v.re - u.re};
      store_parts(is_left, low, part, low_place + k * point);
      store_parts(is_left, high, part, high_place + k * point);
    }
  }
}

template <int lanes>
void series_of(const FourierTables& tables, const BlockProduct& product, const BlockOutput& output,
               float* scratch) {
  auto* a = reinterpret_cast<Complex<lanes>*>(scratch);
  const int64_t n = tables.size;
  const float scale = 0.25f / static_cast<float>(n);
  for (int64_t first = 0; first < paired; first += lanes) {
    // Real and imaginary parts changed over, a transform is the inverse one with both changed over again.
    for (int64_t k = 0; k < tables.bins; ++k) {
      const float *re = product.re + k * product.point + first, *im = product.im + k * product.point + first;
      Complex<lanes> low, high;
      load<lanes>(re, lanes, low.re);
      load<lanes>(im, lanes, low.im);
      load<lanes>(re + paired, lanes, high.re);
      load<lanes>(im + paired, lanes, high.im);
      Complex<lanes>&u = a[tables.place[k]], &v = a[tables.place[k == 0 ? 0 : n - k]];
      v.im = low.re + high.im;
      v.re = high.re - low.im;
      u.im = low.re - high.im;
      u.re = low.im + high.re;
    }
    transform<Towards::series>(tables, a);
    for (int64_t t = 0; t < output.steps; ++t) {
      write<lanes>(scale * a[t].im, output, t, first);
      write<lanes>(scale * a[t].re, output, t, first + paired);
    }
  }
}

}  // namespace
}  // namespace mellow::cpu
