// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/batch_norm.h"

#include <cmath>
#include <vector>

#include "mellow/kernels/cpu/clones.h"
#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/elementwise.h"
#include "mellow/kernels/cpu/fetch.h"

// Memory bound, so as few passes over x as there can be: forward reads it twice (statistics, normalise),
// backward twice (sums, dx), neither reads y. Rows are […]; channels are the inner loop. A few rows are
// summed in the element type, those sums in double, one set per part of the rows, and joined in the order of
// the parts.
namespace mellow {
namespace {

using Sums = std::vector<double>;
constexpr int64_t rows_at_once = 8;  // rows added up in registers before memory is touched
constexpr int64_t rows_ahead = 16;   // are fetched

// A block of `rows` rows, `stride` elements apart; `rows` is at most rows_at_once.
template <int rows, class T>
inline __attribute__((always_inline)) void add_moments(int64_t channels, const T* x, int64_t stride,
                                                       const T* shift, double* sum, double* squares) {
#pragma GCC ivdep
  for (int64_t c = 0; c < channels; ++c) {
    T s = 0, q = 0;
    for (int r = 0; r < rows; ++r) {
      const T d = x[r * stride + c] - shift[c];
      s += d;
      q += d * d;
    }
    sum[c] += static_cast<double>(s);
    squares[c] += static_cast<double>(q);
  }
}

// sum[c] += Σ (x - shift), squares[c] += Σ (x - shift)². The shift keeps the variance when the mean is large.
template <class T>
MELLOW_CLONES void moments(int64_t rows, int64_t channels, const T* x, int64_t stride, const T* shift,
                           double* sum, double* squares) {
  int64_t r = 0;
  for (; r + rows_at_once <= rows; r += rows_at_once) {
    for (int64_t i = rows_ahead; i < rows_ahead + rows_at_once; ++i)
      cpu::fetch(x + (r + i) * stride, channels);
    add_moments<rows_at_once>(channels, x + r * stride, stride, shift, sum, squares);
  }
  for (; r < rows; ++r) add_moments<1>(channels, x + r * stride, stride, shift, sum, squares);
}

// Of each channel: what a value becomes before the relu. Forward and backward share the expression, so that
// both see the same sign.
template <class T>
struct Line {
  const T *mean, *slope, *offset;
  __attribute__((always_inline)) T at(int64_t c, T x) const { return (x - mean[c]) * slope[c] + offset[c]; }
};

// y := line(x), then max(0, ·) with relu.
template <class T>
MELLOW_CLONES void normalise(int64_t channels, const T* x, Line<T> line, bool relu, T* y) {
  if (relu) {
#pragma GCC ivdep
    for (int64_t c = 0; c < channels; ++c) {
      const T v = line.at(c, x[c]);
      y[c] = v < 0 ? 0 : v;
    }
  } else {
#pragma GCC ivdep
    for (int64_t c = 0; c < channels; ++c) y[c] = line.at(c, x[c]);
  }
}

// sums[c] += Σ g and products[c] += Σ g (x - mean), where g is dy, or 0 where relu cut. Rows are walked one
// by one: two arrays of eight rows are too many streams for the prefetcher.
template <bool relu, class T>
MELLOW_CLONES void gradient_sums(int64_t rows, int64_t channels, const T* x, int64_t x_row, const T* dy,
                                 int64_t dy_row, Line<T> line, double* sums, double* products) {
  constexpr int64_t tile = 128;
  T s[tile], p[tile];
  for (int64_t c0 = 0; c0 < channels; c0 += tile) {
    const int64_t n = std::min(tile, channels - c0);
    for (int64_t r0 = 0; r0 < rows; r0 += rows_at_once) {
      for (int64_t c = 0; c < n; ++c) s[c] = p[c] = 0;
      for (int64_t r = r0; r < std::min(rows, r0 + rows_at_once); ++r) {
        const T *a = x + r * x_row + c0, *up = dy + r * dy_row + c0;
        cpu::fetch(a + rows_ahead * x_row, n);
        cpu::fetch(up + rows_ahead * dy_row, n);
        for (int64_t c = 0; c < n; ++c) {
          const T g = relu && line.at(c0 + c, a[c]) <= 0 ? 0 : up[c];
          s[c] += g;
          p[c] += g * (a[c] - line.mean[c0 + c]);
        }
      }
      for (int64_t c = 0; c < n; ++c) {
        sums[c0 + c] += static_cast<double>(s[c]);
        products[c0 + c] += static_cast<double>(p[c]);
      }
    }
  }
}

// dx := slope · (g - centre - (x - mean) · tilt), or += with `add`. dx may be dy.
template <bool relu, class T>
MELLOW_CLONES void gradient_row(int64_t channels, const T* x, const T* dy, Line<T> line, const T* centre,
                                const T* tilt, bool add, T* dx) {
#pragma GCC ivdep
  for (int64_t c = 0; c < channels; ++c) {
    const T g = relu && line.at(c, x[c]) <= 0 ? 0 : dy[c];
    const T v = line.slope[c] * (g - centre[c] - (x[c] - line.mean[c]) * tilt[c]);
    dx[c] = add ? dx[c] + v : v;
  }
}

int64_t rows_per_thread(int64_t channels) { return 1 + cpu::elementwise_grain / (channels + 1); }

// Calls f(begin, end, first, second) for parts of the rows, each with its own two sums per channel, and joins
// these: returns [2][channels].
template <class F>
Sums sum_rows(const Cpu& cpu, int64_t rows, int64_t channels, F&& f) {
  const cpu::Split parts = cpu::split(cpu, rows, rows_per_thread(channels));
  const auto size = static_cast<size_t>(2 * channels);
  Sums sums(size * static_cast<size_t>(parts.parts));
  cpu::for_parts(parts, [&](int part, int64_t begin, int64_t end) {
    double* own = sums.data() + size * static_cast<size_t>(part);
    f(begin, end, own, own + channels);
  });
  for (size_t i = size; i < sums.size(); ++i) sums[i % size] += sums[i];
  sums.resize(size);
  return sums;
}

struct BatchStatistics {
  Sums mean, variance;  // biased
};

template <class T>
BatchStatistics statistics_of(const Cpu& cpu, const Tensor& x) {
  const cpu::Rows rows = cpu::rows_of("batch_norm", x);
  const T* a = x.data<T>();
  const Sums sums =
      sum_rows(cpu, rows.count, rows.width, [&](int64_t begin, int64_t end, double* s, double* q) {
        moments(end - begin, rows.width, a + begin * rows.stride, rows.stride, a, s, q);
      });
  const auto channels = static_cast<size_t>(rows.width);
  BatchStatistics found{Sums(channels), Sums(channels)};
  for (size_t c = 0; c < channels; ++c) {
    const double n = static_cast<double>(rows.count), moved = sums[c] / n;
    found.mean[c] = static_cast<double>(a[c]) + moved;
    found.variance[c] = std::max(0.0, sums[channels + c] / n - moved * moved);
    if (std::isnan(sums[channels + c])) found.variance[c] = sums[channels + c];  // max would hide it
  }
  return found;
}

template <class T>
void update_running(const BatchNorm& op, const BatchStatistics& batch, int64_t count) {
  const BatchNormOptions& o = op.options;
  const double n = static_cast<double>(count);
  const double correction = o.correction == VarianceCorrection::keras ? n / (n - 1 - o.eps) : n / (n - 1);
  auto move = [&](T& running, double value) {
    running = static_cast<T>((1 - o.momentum) * static_cast<double>(running) + o.momentum * value);
  };
  for (size_t c = 0; c < batch.mean.size(); ++c) {
    move(op.running_mean.data<T>()[c], batch.mean[c]);
    move(op.running_var.data<T>()[c], batch.variance[c] * correction);
  }
}

// Fills what x is normalised with, from the batch or from the running statistics.
template <class T>
void choose_statistics(const Cpu& cpu, BatchNorm& op, const Tensor& gamma, const Tensor& beta) {
  const Tensor& x = op.x;
  const auto channels = static_cast<size_t>(x.dim(-1));
  BatchStatistics used;
  if (op.options.training) {
    used = statistics_of<T>(cpu, x);
    update_running<T>(op, used, x.count() / x.dim(-1));
  } else {
    const T *m = op.running_mean.data<T>(), *v = op.running_var.data<T>();
    used = {Sums(m, m + channels), Sums(v, v + channels)};
  }
  for (Tensor* t : {&op.mean, &op.inv_std, &op.slope, &op.offset})
    *t = Tensor::empty(x.context(), {x.dim(-1)}, x.dtype());
  for (size_t c = 0; c < channels; ++c) {
    const T mean = static_cast<T>(used.mean[c]);
    const T inv_std = static_cast<T>(1 / std::sqrt(used.variance[c] + op.options.eps));
    const T slope = gamma.data<T>()[c] * inv_std;
    const double rest = static_cast<double>(mean) - used.mean[c];  // what rounding moved the mean by
    op.mean.data<T>()[c] = mean;
    op.inv_std.data<T>()[c] = inv_std;
    op.slope.data<T>()[c] = slope;
    op.offset.data<T>()[c] =
        static_cast<T>(static_cast<double>(beta.data<T>()[c]) + rest * static_cast<double>(slope));
  }
}

template <class T>
Line<T> line_of(const BatchNorm& op) {
  return {op.mean.data<T>(), op.slope.data<T>(), op.offset.data<T>()};
}

template <class T>
void add_to(const Gradients::Target& target, const double* values, const T* factors) {
  for (int64_t c = 0; c < target.place.count(); ++c) {
    const T v = static_cast<T>(values[c] * (factors ? static_cast<double>(factors[c]) : 1.0));
    T& place = target.place.data<T>()[c];
    place = target.add ? place + v : v;
  }
}

template <bool relu, class T>
void backward_of(const Cpu& cpu, const BatchNorm& op, const Tensor& dy, Gradients& gradients) {
  const cpu::Rows from = cpu::rows_of("batch_norm", op.x), up = cpu::rows_of("batch_norm", dy);
  const int64_t channels = from.width;
  const T *x = op.x.data<T>(), *g = dy.data<T>(), *inv_std = op.inv_std.data<T>();
  const Line<T> line = line_of<T>(op);
  const Sums sums =
      sum_rows(cpu, from.count, channels, [&](int64_t begin, int64_t end, double* s, double* p) {
        gradient_sums<relu>(end - begin, channels, x + begin * from.stride, from.stride,
                            g + begin * up.stride, up.stride, line, s, p);
      });
  if (gradients.wanted(1)) add_to(gradients.target(1), sums.data() + channels, inv_std);
  if (gradients.wanted(2)) add_to<T>(gradients.target(2), sums.data(), nullptr);
  if (!gradients.wanted(0)) return;
  std::vector<T> centre(static_cast<size_t>(channels)), tilt(centre);
  for (size_t c = 0; op.options.training && c < centre.size(); ++c) {  // running statistics depend on no x
    const double n = static_cast<double>(from.count), inv = static_cast<double>(inv_std[c]);
    centre[c] = static_cast<T>(sums[c] / n);
    tilt[c] = static_cast<T>(sums[static_cast<size_t>(channels) + c] / n * inv * inv);
  }
  const Gradients::Target dx = gradients.reuse(0, dy);
  const cpu::Rows to = cpu::rows_of("batch_norm", dx.place);
  T* d = dx.place.data<T>();
  cpu::parallel_for(cpu, to.count, rows_per_thread(channels), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      gradient_row<relu>(channels, x + r * from.stride, g + r * up.stride, line,
                         static_cast<const T*>(centre.data()), static_cast<const T*>(tilt.data()), dx.add,
                         d + r * to.stride);
  });
}

}  // namespace

void BatchNorm::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  x = in[0];
  cpu::for_float("batch_norm", out.dtype(),
                 [&]<class T>() { choose_statistics<T>(cpu, *this, in[1], in[2]); });
  rebuild(cpu, in, out);
}

void BatchNorm::rebuild(Cpu& cpu, std::span<const Tensor>, const Tensor& out) {
  cpu::for_float("batch_norm", out.dtype(), [&]<class T>() {
    const Line<T> line = line_of<T>(*this);
    const T* a = x.data<T>();
    T* y = out.data<T>();
    const cpu::Rows from = cpu::rows_of("batch_norm", x), to = cpu::rows_of("batch_norm", out);
    cpu::parallel_for(cpu, to.count, rows_per_thread(to.width), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        normalise(to.width, a + r * from.stride, line, options.relu, y + r * to.stride);
    });
  });
}

void BatchNorm::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  cpu::for_float("batch_norm", dy.dtype(), [&]<class T>() {
    if (options.relu)
      backward_of<true, T>(cpu, *this, dy, gradients);
    else
      backward_of<false, T>(cpu, *this, dy, gradients);
  });
}

}  // namespace mellow
