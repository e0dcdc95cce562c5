// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/lstm.h"
#include "mellow/kernels/cuda/divide.cuh"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/operand.h"

namespace mellow {
namespace {

// The rows of a tensor [batch, width], or of none.
struct Lines {
  float* data = nullptr;
  int64_t stride = 0;
  explicit Lines(const Tensor& x) {
    if (!x.defined()) return;
    data = cuda::f32("lstm", x);
    stride = cuda::rows_of("lstm", x).stride;
  }
  __device__ float* operator[](int64_t row) const { return data + row * stride; }
};

struct Step {
  int64_t cells;
  Lines gates, previous, cell;
  explicit Step(const LstmStep& s)
      : cells(s.cell.dim(1)), gates(s.gates), previous(s.previous), cell(s.cell) {}
};

__device__ float sigmoid_of(float x) { return 1 / (1 + expf(-x)); }

// One thread per series and cell; gates [batch, 4 cells] in the order i, f, g, o.
__global__ void lstm_forward(int64_t n, Step s, const float* bias_ih, const float* bias_hh, Lines hidden) {
  const int64_t at = cuda::thread_index();
  if (at >= n) return;
  const int64_t b = cuda::divide(at, s.cells), k = at - b * s.cells;
  float* gates = s.gates[b];
  float gate[4];
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const int64_t place = j * s.cells + k;
    const float z = gates[place] + (bias_ih[place] + bias_hh[place]);
    gate[j] = j == 2 ? tanhf(z) : sigmoid_of(z);
    gates[place] = gate[j];
  }
  const float kept = s.previous.data != nullptr ? gate[1] * s.previous[b][k] : 0.0f;
  const float c = kept + gate[0] * gate[2];
  s.cell[b][k] = c;
  hidden[b][k] = gate[3] * tanhf(c);
}

// The same split.
__global__ void lstm_backward(int64_t n, Step s, Lines dhidden, Lines dcell) {
  const int64_t at = cuda::thread_index();
  if (at >= n) return;
  const int64_t b = cuda::divide(at, s.cells), k = at - b * s.cells;
  float* gates = s.gates[b] + k;
  const float i = gates[0], f = gates[s.cells], g = gates[2 * s.cells], o = gates[3 * s.cells];
  const float t = tanhf(s.cell[b][k]), dh = dhidden[b][k];
  const float dc = dcell[b][k] + dh * o * (1 - t * t);
  gates[0] = dc * g * i * (1 - i);
  gates[s.cells] = s.previous.data != nullptr ? dc * s.previous[b][k] * f * (1 - f) : 0.0f;
  gates[2 * s.cells] = dc * i * (1 - g * g);
  gates[3 * s.cells] = dh * t * o * (1 - o);
  dcell[b][k] = dc * f;
}

}  // namespace

void lstm_gates(Cuda& cuda, const LstmStep& step, const Tensor& bias_ih, const Tensor& bias_hh,
                const Tensor& hidden) {
  cuda::launch_1d(cuda, lstm_forward, step.cell.count(), Step(step), cuda::f32("lstm", bias_ih),
                  cuda::f32("lstm", bias_hh), Lines(hidden));
}

void lstm_gates_backward(Cuda& cuda, const LstmStep& step, const Tensor& dhidden, const Tensor& dcell) {
  cuda::launch_1d(cuda, lstm_backward, step.cell.count(), Step(step), Lines(dhidden), Lines(dcell));
}

}  // namespace mellow
