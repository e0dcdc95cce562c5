// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/fourier_transform.h"

#include <cmath>
#include <cstring>
#include <map>
#include <mutex>
#include <numbers>
#include <vector>

#include "mellow/kernels/cpu/block_lanes.h"

namespace mellow::cpu {
namespace {

constexpr int radices[] = {4, 5, 3, 2};

// Stages of radix 2 … 5, in place, so that a block stays in the first-level cache (Van Loan, Computational
// Frameworks for the Fast Fourier Transform, 1992, §1.9). A stage of radix r turns each part of length n, for
// p < n / r and j < r, w_n = e^(-2 π i / n), into
//   a[p + j n / r] := w_n^(p j) · sum over k of w_r^(j k) a[p + k n / r]           towards the spectrum,
//   a[p + k n / r] := sum over j of w_r^(j k) w_n^(p j) a[p + j n / r]             towards the series.
// Towards the spectrum, stages go from the whole down, which leaves bin k at place[k]; towards the series
// they go back up, from elements at these places to their order.
struct FourierPlan {
  struct Stage {
    int radix;
    int64_t length;
    int64_t twiddles;  // index of w_n^(p j) [p][j = 1 …][re, im]
  };
  int64_t size;
  std::vector<Stage> stages;
  std::vector<float> twiddles;
  std::vector<int64_t> place;
  int64_t bins() const { return size / 2 + 1; }
};

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

enum class Towards { spectrum, series };

template <Towards towards, int radix>
MELLOW_INLINE void run_stage(int64_t size, int64_t length, const float* twiddles, Complex* a) {
  const int64_t parts = length / radix;
  for (int64_t p = 0; p < parts; ++p) {
    for (Complex* at = a + p; at < a + size; at += length) {
      Complex x[radix], y[radix];
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

template <Towards towards>
MELLOW_INLINE void transform(const FourierPlan& plan, Complex* a) {
  const size_t count = plan.stages.size();
  for (size_t i = 0; i < count; ++i) {
    const FourierPlan::Stage& stage = plan.stages[towards == Towards::spectrum ? i : count - 1 - i];
    const float* twiddles = plan.twiddles.data() + stage.twiddles;
    switch (stage.radix) {
      case 2: run_stage<towards, 2>(plan.size, stage.length, twiddles, a); break;
      case 3: run_stage<towards, 3>(plan.size, stage.length, twiddles, a); break;
      case 4: run_stage<towards, 4>(plan.size, stage.length, twiddles, a); break;
      default: run_stage<towards, 5>(plan.size, stage.length, twiddles, a);
    }
  }
}

// The product of spectra X and conj(H): X gives the left parts (re + im, im, re), H the right ones (re, im -
// re, -im - re).
MELLOW_INLINE void store_parts(bool is_left, const Lanes& re, const Lanes& im, const BlockLayout& layout,
                               float* to) {
  const Lanes first = is_left ? re + im : re, second = is_left ? im : im - re,
              third = is_left ? re : -im - re;
  store(first, layout, to);
  store(second, layout, to + layout.part());
  store(third, layout, to + 2 * layout.part());
}

FourierPlan make_plan(int64_t size) {
  FourierPlan plan{size, {}, {}, std::vector<int64_t>(static_cast<size_t>(size))};
  int64_t stride = 1;  // of the bins that differ in this stage's digit
  for (int64_t length = size; length > 1;) {
    int radix = 0;
    for (const int r : radices)
      if (radix == 0 && length % r == 0) radix = r;
    plan.stages.push_back({radix, length, static_cast<int64_t>(plan.twiddles.size())});
    for (int64_t k = 0; k < size; ++k)
      plan.place[static_cast<size_t>(k)] += k / stride % radix * (length / radix);
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

// Twice the spectrum, because the channels of a complex series are told apart by a sum and a difference.
MELLOW_CLONES void spectrum_of(const FourierPlan& plan, const BlockInput& input, bool is_left,
                               const BlockPlace& to, float* scratch) {
  auto* a = reinterpret_cast<Complex*>(scratch);
  const int64_t n = plan.size, high = input.channels - block_lanes;
  std::memset(scratch, 0, static_cast<size_t>(input.begin) * sizeof(Complex));
  std::memset(static_cast<void*>(a + input.end), 0, static_cast<size_t>(n - input.end) * sizeof(Complex));
  for (int64_t i = input.begin; i < input.end; ++i) {
    const float* x = input.x + (i - input.begin) * input.row;
    load(x, input.channels, input.rounded, a[i].re);
    load(x + block_lanes, high, input.rounded, a[i].im);
  }
  transform<Towards::spectrum>(plan, a);
  float *low_place = to.at(to.channel), *high_place = to.at(to.channel + block_lanes);
  for (int64_t k = 0; k < plan.bins(); ++k) {
    const Complex &u = a[plan.place[k]], &v = a[plan.place[k == 0 ? 0 : n - k]];
    store_parts(is_left, u.re + v.re, u.im - v.im, to.layout, low_place + k * to.layout.point());
    store_parts(is_left, u.im + v.im, v.re - u.re, to.layout, high_place + k * to.layout.point());
  }
}

// Steps of the series whose spectrum is a quarter of the product of two such spectra.
MELLOW_CLONES void series_of(const FourierPlan& plan, const BlockProduct& product, const BlockOutput& output,
                             float* scratch) {
  auto* a = reinterpret_cast<Complex*>(scratch);
  const int64_t n = plan.size;
  // Real and imaginary parts changed over, a transform is the inverse one with both changed over again.
  for (int64_t k = 0; k < plan.bins(); ++k) {
    const float *re = product.re + k * product.point, *im = product.im + k * product.point;
    Complex low, high;
    load(re, block_lanes, low.re);
    load(im, block_lanes, low.im);
    load(re + block_lanes, block_lanes, high.re);
    load(im + block_lanes, block_lanes, high.im);
    Complex &u = a[plan.place[k]], &v = a[plan.place[k == 0 ? 0 : n - k]];
    v.im = low.re + high.im;
    v.re = high.re - low.im;
    u.im = low.re - high.im;
    u.re = low.im + high.re;
  }
  transform<Towards::series>(plan, a);
  const float scale = 0.25f / static_cast<float>(n);
  for (int64_t t = 0; t < output.steps; ++t) {
    write(scale * a[t].im, output, t, 0);
    write(scale * a[t].re, output, t, block_lanes);
  }
}

class FourierTransform final : public BlockTransform {
 public:
  explicit FourierTransform(int64_t points_of_plan)
      : BlockTransform(points_of_plan, points_of_plan / 2 + 1, 3,
                       points_of_plan * int64_t(sizeof(Complex) / sizeof(float))),
        plan_(make_plan(points_of_plan)) {}
  void left(const BlockInput& x, const BlockPlace& to, float* scratch) const override {
    spectrum_of(plan_, x, true, to, scratch);
  }
  void right_of_weights(const BlockInput& w, const BlockPlace& to, float* scratch) const override {
    spectrum_of(plan_, w, false, to, scratch);
  }
  void right_of_gradient(const BlockInput& dy, const BlockPlace& to, float* scratch) const override {
    spectrum_of(plan_, dy, false, to, scratch);
  }
  void rows(const BlockProduct& product, const BlockOutput& y, float* scratch) const override {
    series_of(plan_, product, y, scratch);
  }
  void taps(const BlockProduct& product, const BlockOutput& dw, float* scratch) const override {
    series_of(plan_, product, dw, scratch);
  }

 private:
  const FourierPlan plan_;
};

}  // namespace

bool has_fourier_transform(int64_t size) {
  if (size < 2) return false;
  for (const int r : {2, 3, 5})
    while (size % r == 0) size /= r;
  return size == 1;
}

const BlockTransform& fourier_transform(int64_t size) {
  static std::mutex mutex;
  static std::map<int64_t, FourierTransform> made;  // its nodes stay where they are
  const std::lock_guard lock(mutex);
  return made.try_emplace(size, size).first->second;
}

}  // namespace mellow::cpu
