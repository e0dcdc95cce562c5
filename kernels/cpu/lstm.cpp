// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/lstm.h"

#include "mellow/kernels/cpu/clones.h"
#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/parallel.h"
#include "mellow/kernels/cpu/vector_math.h"

namespace mellow {
namespace {

constexpr int64_t grain = 1024;  // cells per thread below which starting it costs more than it brings

// One series: gates [4 n] in the order i, f, g, o; `previous` may be null.
template <class T>
MELLOW_CLONES void forward_row(int64_t n, const T* bias_ih, const T* bias_hh, T* gates, const T* previous,
                               T* cell, T* hidden) {
#pragma GCC ivdep
  for (int64_t k = 0; k < 4 * n; ++k) gates[k] += bias_ih[k] + bias_hh[k];
#pragma GCC ivdep
  for (int64_t k = 0; k < n; ++k) {
    const T i = cpu::sigmoid_of(gates[k]), f = cpu::sigmoid_of(gates[n + k]);
    const T g = cpu::tanh_of(gates[2 * n + k]), o = cpu::sigmoid_of(gates[3 * n + k]);
    gates[k] = i;
    gates[n + k] = f;
    gates[2 * n + k] = g;
    gates[3 * n + k] = o;
    const T c = (previous != nullptr ? f * previous[k] : T{0}) + i * g;
    cell[k] = c;
    hidden[k] = o * cpu::tanh_of(c);
  }
}

template <class T>
MELLOW_CLONES void backward_row(int64_t n, T* gates, const T* previous, const T* cell, const T* dhidden,
                                T* dcell) {
#pragma GCC ivdep
  for (int64_t k = 0; k < n; ++k) {
    const T i = gates[k], f = gates[n + k], g = gates[2 * n + k], o = gates[3 * n + k];
    const T t = cpu::tanh_of(cell[k]);
    const T dc = dcell[k] + dhidden[k] * o * (1 - t * t);
    gates[k] = dc * g * i * (1 - i);
    gates[n + k] = previous != nullptr ? dc * previous[k] * f * (1 - f) : T{0};
    gates[2 * n + k] = dc * i * (1 - g * g);
    gates[3 * n + k] = dhidden[k] * t * o * (1 - o);
    dcell[k] = dc * f;
  }
}

// The rows of a tensor [batch, width], or of none.
template <class T>
struct Lines {
  T* data = nullptr;
  int64_t stride = 0;
  explicit Lines(const Tensor& x) {
    if (!x.defined()) return;
    data = x.data<T>();
    stride = cpu::rows_of("lstm", x).stride;
  }
  T* operator[](int64_t row) const { return data == nullptr ? nullptr : data + row * stride; }
};

// Calls row(b) for every series.
template <class F>
void for_series(const Cpu& cpu, const Tensor& cell, F&& row) {
  cpu::parallel_for(cpu, cell.dim(0), 1 + grain / (cell.dim(1) + 1), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) row(b);
  });
}

}  // namespace

void lstm_gates(Cpu& cpu, const LstmStep& step, const Tensor& bias_ih, const Tensor& bias_hh,
                const Tensor& hidden) {
  cpu::for_float("lstm", hidden.dtype(), [&]<class T>() {
    const Lines<T> gates(step.gates), previous(step.previous), cell(step.cell), out(hidden);
    const T *first = bias_ih.data<T>(), *second = bias_hh.data<T>();
    for_series(cpu, step.cell, [&](int64_t b) {
      forward_row<T>(step.cell.dim(1), first, second, gates[b], previous[b], cell[b], out[b]);
    });
  });
}

void lstm_gates_backward(Cpu& cpu, const LstmStep& step, const Tensor& dhidden, const Tensor& dcell) {
  cpu::for_float("lstm", dhidden.dtype(), [&]<class T>() {
    const Lines<T> gates(step.gates), previous(step.previous), cell(step.cell), dh(dhidden), dc(dcell);
    for_series(cpu, step.cell, [&](int64_t b) {
      backward_row<T>(step.cell.dim(1), gates[b], previous[b], cell[b], dh[b], dc[b]);
    });
  });
}

}  // namespace mellow
