// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/fourier_transform.h"

#include <cmath>
#include <cstring>
#include <map>
#include <mutex>
#include <numbers>
#include <utility>

#include "mellow/kernels/cpu/clones.h"

// Helpers take and give vectors by reference: by value they would have another calling convention in each of
// the clones.
#define MELLOW_INLINE inline __attribute__((always_inline))

namespace mellow::cpu {
namespace {

constexpr int radices[] = {4, 5, 3, 2};

typedef float Lanes __attribute__((vector_size(64)));
typedef float UnalignedLanes __attribute__((vector_size(64), aligned(4), may_alias));
struct Complex {
  Lanes re, im;
};

MELLOW_INLINE void add(const Complex& a, const Complex& b, Complex& to) {
  to.re = a.re + b.re;
  to.im = a.im + b.im;
}
MELLOW_INLINE void subtract(const Complex& a, const Complex& b, Complex& to) {
  to.re = a.re - b.re;
  to.im = a.im - b.im;
}
// less := a - i b, more := a + i b
MELLOW_INLINE void turn(const Complex& a, const Complex& b, Complex& less, Complex& more) {
  less.re = a.re + b.im;
  less.im = a.im - b.re;
  more.re = a.re - b.im;
  more.im = a.im + b.re;
}
MELLOW_INLINE void rotate(const float* w, Complex& x) {
  const Lanes re = x.re * w[0] - x.im * w[1];
  x.im = x.re * w[1] + x.im * w[0];
  x.re = re;
}

// The transform of `radix` points.
template <int radix>
MELLOW_INLINE void small_transform(const Complex* x, Complex* y) {
  if constexpr (radix == 2) {
    add(x[0], x[1], y[0]);
    subtract(x[0], x[1], y[1]);
  } else if constexpr (radix == 3) {
    constexpr float sine = 0.866025403784438646763723f;
    Complex sum, difference, middle;
    add(x[1], x[2], sum);
    subtract(x[1], x[2], difference);
    add(x[0], sum, y[0]);
    middle.re = x[0].re - 0.5f * sum.re;
    middle.im = x[0].im - 0.5f * sum.im;
    difference.re *= sine;
    difference.im *= sine;
    turn(middle, difference, y[1], y[2]);
  } else if constexpr (radix == 4) {
    Complex a, b, c, d;
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
    Complex a, b, c, d, m, n;
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

template <int radix>
MELLOW_INLINE void run_stage(int64_t length, int64_t stride, const float* twiddles, const Complex* a,
                             Complex* b) {
  const int64_t parts = length / radix;
  for (int64_t p = 0; p < parts; ++p) {
    for (int64_t q = 0; q < stride; ++q) {
      Complex x[radix], y[radix];
      for (int k = 0; k < radix; ++k) x[k] = a[q + stride * (p + k * parts)];
      small_transform<radix>(x, y);
      if (parts > 1)  // else all are 1
        for (int j = 1; j < radix; ++j) rotate(twiddles + 2 * (j - 1), y[j]);
      for (int j = 0; j < radix; ++j) b[q + stride * (radix * p + j)] = y[j];
    }
    twiddles += 2 * (radix - 1);
  }
}

// Transforms a; b is room of the same size. Returns where the result lies.
MELLOW_INLINE Complex* transform(const FourierPlan& plan, Complex* a, Complex* b) {
  for (const FourierPlan::Stage& stage : plan.stages) {
    const float* twiddles = plan.twiddles.data() + stage.twiddles;
    switch (stage.radix) {
      case 2: run_stage<2>(stage.length, stage.stride, twiddles, a, b); break;
      case 3: run_stage<3>(stage.length, stage.stride, twiddles, a, b); break;
      case 4: run_stage<4>(stage.length, stage.stride, twiddles, a, b); break;
      default: run_stage<5>(stage.length, stage.stride, twiddles, a, b);
    }
    std::swap(a, b);
  }
  return a;
}

MELLOW_INLINE void load(const float* x, int64_t channels, Lanes& to) {
  if (channels >= fourier_lanes) {
    to = *reinterpret_cast<const UnalignedLanes*>(x);
  } else {
    to = Lanes{};
    for (int64_t c = 0; c < channels; ++c) to[c] = x[c];
  }
}

// Lanes to consecutive channels of a slot; panels narrower than the lanes take them in pieces.
MELLOW_INLINE void store_lanes(const Lanes& x, const SpectraLayout& layout, float* to) {
  if (layout.width >= fourier_lanes) {
    *reinterpret_cast<UnalignedLanes*>(to) = x;
  } else {
    for (int64_t c = 0; c < fourier_lanes; ++c)
      to[c / layout.width * layout.panel() + c % layout.width] = x[c];
  }
}

MELLOW_INLINE void store_parts(FourierSide side, const Lanes& re, const Lanes& im,
                               const SpectraLayout& layout, float* to) {
  const bool is_left = side == FourierSide::left;
  const Lanes first = is_left ? re + im : re, second = is_left ? im : im - re,
              third = is_left ? re : -im - re;
  store_lanes(first, layout, to);
  store_lanes(second, layout, to + layout.part());
  store_lanes(third, layout, to + 2 * layout.part());
}

// Channels channel … channel + 15 of one step, those that the output has.
MELLOW_INLINE void write(const Lanes& x, const FourierOutput& o, int64_t channel, float* y) {
  const int64_t count = o.channels - channel;
  Lanes result = o.scale * x, before = {};
  if (o.add)
    load(y + channel, count, before);
  else if (o.bias)
    load(o.bias + channel, count, before);
  result += before;
  if (count >= fourier_lanes)
    *reinterpret_cast<UnalignedLanes*>(y + channel) = result;
  else
    for (int64_t c = 0; c < count; ++c) y[channel + c] = result[c];
}

FourierPlan make_plan(int64_t size) {
  FourierPlan plan{size, {}, {}};
  int64_t stride = 1;
  for (int64_t length = size; length > 1;) {
    int radix = 0;
    for (const int r : radices)
      if (radix == 0 && length % r == 0) radix = r;
    plan.stages.push_back({radix, length, stride, static_cast<int64_t>(plan.twiddles.size())});
    for (int64_t p = 0; p < length / radix; ++p)
      for (int j = 1; j < radix; ++j) {
        const double angle = -2 * std::numbers::pi * static_cast<double>(p * j) / static_cast<double>(length);
        plan.twiddles.push_back(static_cast<float>(std::cos(angle)));
        plan.twiddles.push_back(static_cast<float>(std::sin(angle)));
      }
    length /= radix;
    stride *= radix;
  }
  return plan;
}

}  // namespace

bool has_fourier_plan(int64_t size) {
  if (size < 2) return false;
  for (const int r : {2, 3, 5})
    while (size % r == 0) size /= r;
  return size == 1;
}

const FourierPlan& fourier_plan(int64_t size) {
  static std::mutex mutex;
  static std::map<int64_t, FourierPlan> plans;  // its nodes stay where they are
  const std::lock_guard lock(mutex);
  auto found = plans.find(size);
  if (found == plans.end()) found = plans.emplace(size, make_plan(size)).first;
  return found->second;
}

MELLOW_CLONES void spectrum_of(const FourierPlan& plan, const FourierInput& input, FourierSide side,
                               const SpectraLayout& layout, int64_t slot, int64_t channel, float* spectra,
                               float* scratch) {
  auto* a = reinterpret_cast<Complex*>(scratch);
  const int64_t n = plan.size, high = input.channels - fourier_lanes;
  std::memset(scratch, 0, static_cast<size_t>(input.begin) * sizeof(Complex));
  std::memset(static_cast<void*>(a + input.end), 0, static_cast<size_t>(n - input.end) * sizeof(Complex));
  for (int64_t i = input.begin; i < input.end; ++i) {
    const float* x = input.x + (i - input.begin) * input.row;
    load(x, input.channels, a[i].re);
    load(x + fourier_lanes, high, a[i].im);
  }
  const Complex* z = transform(plan, a, a + n);
  const auto place = [&](int64_t c) {
    return spectra + c / layout.width * layout.panel() + slot * layout.width + c % layout.width;
  };
  float *low_place = place(channel), *high_place = place(channel + fourier_lanes);
  for (int64_t k = 0; k < plan.bins(); ++k) {
    const Complex &u = z[k], &v = z[k == 0 ? 0 : n - k];
    store_parts(side, u.re + v.re, u.im - v.im, layout, low_place + k * layout.bin());
    store_parts(side, u.im + v.im, v.re - u.re, layout, high_place + k * layout.bin());
  }
}

MELLOW_CLONES void series_of(const FourierPlan& plan, const FourierSpectrum& spectrum,
                             const FourierOutput& output, float* scratch) {
  auto* a = reinterpret_cast<Complex*>(scratch);
  const int64_t n = plan.size;
  // Real and imaginary parts changed over, a transform is the inverse one with both changed over again.
  for (int64_t k = 0; k < plan.bins(); ++k) {
    const float *re = spectrum.re + k * spectrum.bin, *im = spectrum.im + k * spectrum.bin;
    Complex low, high;
    load(re, fourier_lanes, low.re);
    load(im, fourier_lanes, low.im);
    load(re + fourier_lanes, fourier_lanes, high.re);
    load(im + fourier_lanes, fourier_lanes, high.im);
    Complex &u = a[k], &v = a[k == 0 ? 0 : n - k];
    v.im = low.re + high.im;
    v.re = high.re - low.im;
    u.im = low.re - high.im;
    u.re = low.im + high.re;
  }
  const Complex* z = transform(plan, a, a + n);
  for (int64_t t = 0; t < output.steps; ++t) {
    write(z[t].im, output, 0, output.y + t * output.row);
    write(z[t].re, output, fourier_lanes, output.y + t * output.row);
  }
}

}  // namespace mellow::cpu
