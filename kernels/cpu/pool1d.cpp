// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/pool1d.h"

#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/max_steps.h"
#include "mellow/kernels/cpu/parallel.h"

// Channels are the inner loop everywhere: rows of neighbouring steps are added or compared as vectors. The
// backward passes gather: each step of dx reads the windows it lies in, so no two threads write one place.
namespace mellow {
namespace {

// How far apart samples and steps lie; the last dimension must be dense.
struct Layout {
  int64_t batch, length, channels, sample, step;
};
Layout layout_of(const char* where, const Tensor& x) {
  internal::check_dense(where, x);
  return {x.dim(0), x.dim(1), x.dim(2), x.stride(0), x.stride(1)};
}

// The real steps [from, to) of output step o, and where its window starts (negative in the padding).
struct Window {
  int64_t start, from, to;
};
Window window_of(const Pool1dOptions& o, int64_t length, int64_t out_step) {
  const int64_t start = out_step * o.stride - o.pad_left;
  return {start, std::max<int64_t>(0, start), std::min(length, start + o.width)};
}

// The output steps [from, to) whose windows hold step t.
struct Holders {
  int64_t from, to;
};
Holders holders_of(const Pool1dOptions& o, int64_t out_length, int64_t t) {
  const int64_t last = (t + o.pad_left) / o.stride;
  const int64_t over = t + o.pad_left - o.width + 1;  // the first window that still holds t starts here
  const int64_t first = over <= 0 ? 0 : (over + o.stride - 1) / o.stride;
  return {first, std::min(out_length, last + 1)};
}

int64_t divisor_of(const Pool1dOptions& o, const Window& w) {
  return o.count_padding ? o.width : w.to - w.from;
}

template <class T>
MELLOW_CLONES void add_scaled(int64_t n, T factor, const T* x, T* y) {
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) y[c] += factor * x[c];
}

template <class T>
MELLOW_CLONES void add_where(int64_t n, int position, const uint8_t* winner, const T* x, T* y) {
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) y[c] += winner[c] == position ? x[c] : T{0};
}

int64_t steps_per_thread(int64_t channels) { return 1 + 16384 / (channels + 1); }

// Calls f(sample, step) for every step of a [batch, length, channels] result.
template <class F>
void for_steps(const Cpu& cpu, const Layout& l, F&& f) {
  cpu::parallel_for(cpu, l.batch * l.length, steps_per_thread(l.channels), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i / l.length, i % l.length);
  });
}

// dx[b, t] (+)= what `add_holder(dx row, b, output step, t)` adds for each window that holds t.
template <class T, class F>
void gather_windows(const Cpu& cpu, const Pool1dOptions& o, int64_t out_length, const Tensor& dx, bool add,
                    F&& add_holder) {
  const Layout to = layout_of("pool1d", dx);
  T* first = dx.data<T>();
  for_steps(cpu, to, [&](int64_t b, int64_t t) {
    T* d = first + b * to.sample + t * to.step;
    if (!add) std::fill(d, d + to.channels, T{0});
    const Holders holders = holders_of(o, out_length, t);
    for (int64_t k = holders.from; k < holders.to; ++k) add_holder(d, b, k, t);
  });
}

}  // namespace

void max_windows(Cpu& cpu, const Pool1dOptions& o, const Tensor& x, const Tensor& y, const Tensor& winner) {
  const Layout from = layout_of("max_pool1d", x), to = layout_of("max_pool1d", y);
  cpu::for_float("max_pool1d", y.dtype(), [&]<class T>() {
    const T* a = x.data<T>();
    T* best = y.data<T>();
    uint8_t* position = winner.defined() ? winner.data<uint8_t>() : nullptr;
    for_steps(cpu, to, [&](int64_t b, int64_t step) {
      const Window w = window_of(o, from.length, step);
      const T* first = a + b * from.sample + w.from * from.step;
      T* place = best + b * to.sample + step * to.step;
      if (position == nullptr)
        cpu::max_of_steps(w.to - w.from, to.channels, first, from.step, place);
      else
        cpu::max_steps(w.to - w.from, to.channels, first, from.step, static_cast<int>(w.from - w.start),
                       place, position + (b * to.length + step) * to.channels);
    });
  });
}

void max_windows_backward(Cpu& cpu, const Pool1dOptions& o, const Tensor& winner, const Tensor& dy,
                          const Gradients::Target& dx) {
  const Layout up = layout_of("max_pool1d", dy);
  cpu::for_float("max_pool1d", dy.dtype(), [&]<class T>() {
    const T* g = dy.data<T>();
    const uint8_t* won = winner.data<uint8_t>();
    gather_windows<T>(cpu, o, up.length, dx.place, dx.add, [&](T* d, int64_t b, int64_t k, int64_t t) {
      const auto position = static_cast<int>(t - (k * o.stride - o.pad_left));
      add_where(up.channels, position, won + (b * up.length + k) * up.channels,
                g + b * up.sample + k * up.step, d);
    });
  });
}

void AvgPool1d::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  const Layout from = layout_of("avg_pool1d", in[0]), to = layout_of("avg_pool1d", out);
  cpu::for_float("avg_pool1d", out.dtype(), [&]<class T>() {
    for_steps(cpu, to, [&](int64_t b, int64_t step) {
      const Window w = window_of(options, from.length, step);
      const T factor = T{1} / static_cast<T>(divisor_of(options, w));
      T* y = out.data<T>() + b * to.sample + step * to.step;
      std::fill(y, y + to.channels, T{0});
      for (int64_t t = w.from; t < w.to; ++t)
        add_scaled(to.channels, factor,
                   static_cast<const T*>(in[0].data<T>() + b * from.sample + t * from.step), y);
    });
  });
}

void AvgPool1d::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  const Gradients::Target dx = gradients.target(0);
  const Layout up = layout_of("avg_pool1d", dy);
  const int64_t length = dx.place.dim(1);
  cpu::for_float("avg_pool1d", dy.dtype(), [&]<class T>() {
    gather_windows<T>(cpu, options, up.length, dx.place, dx.add, [&](T* d, int64_t b, int64_t k, int64_t) {
      const T factor = T{1} / static_cast<T>(divisor_of(options, window_of(options, length, k)));
      add_scaled(up.channels, factor, static_cast<const T*>(dy.data<T>() + b * up.sample + k * up.step), d);
    });
  });
}

}  // namespace mellow
