// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/winograd_transform.h"

#include "mellow/kernels/cpu/block_lanes.h"

namespace mellow::cpu {
namespace {

// y := M x for the lanes, M given row by row; its zeros cost nothing.
template <int rows, int columns>
struct Matrix {
  float of[rows][columns];
};

constexpr Matrix<6, 6> input_matrix = {{{4, 0, -5, 0, 1, 0},  // B'
                                        {0, -4, -4, 1, 1, 0},
                                        {0, 4, -4, -1, 1, 0},
                                        {0, -2, -1, 2, 1, 0},
                                        {0, 2, -1, -2, 1, 0},
                                        {0, 4, 0, -5, 0, 1}}};
constexpr Matrix<6, 3> weight_matrix = {{{1.0f / 4, 0, 0},  // G
                                         {-1.0f / 6, -1.0f / 6, -1.0f / 6},
                                         {-1.0f / 6, 1.0f / 6, -1.0f / 6},
                                         {1.0f / 24, 1.0f / 12, 1.0f / 6},
                                         {1.0f / 24, -1.0f / 12, 1.0f / 6},
                                         {0, 0, 1}}};
constexpr Matrix<4, 6> row_matrix = {
    {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}}};  // A'

template <int rows, int columns>
constexpr Matrix<columns, rows> transposed(const Matrix<rows, columns>& m) {
  Matrix<columns, rows> t{};
  for (int i = 0; i < rows; ++i)
    for (int k = 0; k < columns; ++k) t.of[k][i] = m.of[i][k];
  return t;
}
constexpr Matrix<6, 4> gradient_matrix = transposed(row_matrix);
constexpr Matrix<3, 6> tap_matrix = transposed(weight_matrix);

template <const auto& m, int rows, int columns>
MELLOW_INLINE void multiply(const Matrix<rows, columns>&, const Lanes* x, Lanes* y) {
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) {
    y[i] = Lanes{};
#pragma GCC unroll 8
    for (int k = 0; k < columns; ++k)
      if (m.of[i][k] != 0) y[i] += m.of[i][k] * x[k];
  }
}

// The points of a block's first steps.
template <const auto& m, int points, int steps>
MELLOW_INLINE void points_of(const Matrix<points, steps>&, const BlockInput& input, const BlockPlace& to) {
  for (int64_t first = 0; first < block_channels; first += block_lanes) {
    Lanes x[steps], y[points];
    for (int i = 0; i < steps; ++i) {
      const bool is_there = i >= input.begin && i < input.end;
      load(input.x + (i - input.begin) * input.row + first, is_there ? input.channels - first : 0,
           input.rounded, x[i]);
    }
    multiply<m>(m, x, y);
    float* place = to.at(to.channel + first);
    for (int k = 0; k < points; ++k) store(y[k], to.layout, place + k * to.layout.point());
  }
}

template <const auto& m, int steps, int points>
MELLOW_INLINE void steps_of(const Matrix<steps, points>&, const BlockProduct& product,
                            const BlockOutput& output) {
  for (int64_t first = 0; first < block_channels; first += block_lanes) {
    Lanes x[points], y[steps];
    for (int k = 0; k < points; ++k) load(product.re + k * product.point + first, block_lanes, x[k]);
    multiply<m>(m, x, y);
    for (int t = 0; t < steps; ++t)
      if (t < output.steps) write(y[t], output, t, first);
  }
}

MELLOW_CLONES void input_points(const BlockInput& x, const BlockPlace& to) {
  points_of<input_matrix>(input_matrix, x, to);
}
MELLOW_CLONES void weight_points(const BlockInput& w, const BlockPlace& to) {
  points_of<weight_matrix>(weight_matrix, w, to);
}
MELLOW_CLONES void gradient_points(const BlockInput& dy, const BlockPlace& to) {
  points_of<gradient_matrix>(gradient_matrix, dy, to);
}
MELLOW_CLONES void row_steps(const BlockProduct& product, const BlockOutput& y) {
  steps_of<row_matrix>(row_matrix, product, y);
}
MELLOW_CLONES void tap_steps(const BlockProduct& product, const BlockOutput& dw) {
  steps_of<tap_matrix>(tap_matrix, product, dw);
}

class WinogradTransform final : public BlockTransform {
 public:
  WinogradTransform() : BlockTransform(6, 6, 1, 0) {}
  void left(const BlockInput& x, const BlockPlace& to, float*) const override { input_points(x, to); }
  void right_of_weights(const BlockInput& w, const BlockPlace& to, float*) const override {
    weight_points(w, to);
  }
  void right_of_gradient(const BlockInput& dy, const BlockPlace& to, float*) const override {
    gradient_points(dy, to);
  }
  void rows(const BlockProduct& product, const BlockOutput& y, float*) const override {
    row_steps(product, y);
  }
  void taps(const BlockProduct& product, const BlockOutput& dw, float*) const override {
    tap_steps(product, dw);
  }
};

}  // namespace

const BlockTransform& winograd_transform() {
  static const WinogradTransform transform;
  return transform;
}

}  // namespace mellow::cpu
