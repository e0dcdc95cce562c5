// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/block_lanes.h"

// Winograd's F(4, 3) for channels in vector lanes. Only the *_<set>.cpp units include this file. In an
// unnamed namespace for the reason given in tile_kernel.h.
namespace mellow::cpu {
namespace {

// y := M x for the lanes, M given row by row; its zeros cost nothing.
template <int rows, int columns>
struct Matrix {
  static constexpr int height = rows, width = columns;
  float of[rows][columns];
};

inline constexpr Matrix<6, 6> input_matrix = {{{4, 0, -5, 0, 1, 0},  // B'
                                               {0, -4, -4, 1, 1, 0},
                                               {0, 4, -4, -1, 1, 0},
                                               {0, -2, -1, 2, 1, 0},
                                               {0, 2, -1, -2, 1, 0},
                                               {0, 4, 0, -5, 0, 1}}};
inline constexpr Matrix<6, 3> weight_matrix = {{{1.0f / 4, 0, 0},  // G
                                                {-1.0f / 6, -1.0f / 6, -1.0f / 6},
                                                {-1.0f / 6, 1.0f / 6, -1.0f / 6},
                                                {1.0f / 24, 1.0f / 12, 1.0f / 6},
                                                {1.0f / 24, -1.0f / 12, 1.0f / 6},
                                                {0, 0, 1}}};
inline constexpr Matrix<4, 6> row_matrix = {
    {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}}};  // A'

template <int rows, int columns>
constexpr Matrix<columns, rows> transposed(const Matrix<rows, columns>& m) {
  Matrix<columns, rows> t{};
  for (int i = 0; i < rows; ++i)
    for (int k = 0; k < columns; ++k) t.of[k][i] = m.of[i][k];
  return t;
}
inline constexpr Matrix<6, 4> gradient_matrix = transposed(row_matrix);
inline constexpr Matrix<3, 6> tap_matrix = transposed(weight_matrix);

template <int lanes, const auto& m>
MELLOW_INLINE void multiply(const Lanes<lanes>* x, Lanes<lanes>* y) {
#pragma GCC unroll 8
  for (int i = 0; i < m.height; ++i) {
    y[i] = Lanes<lanes>{};
#pragma GCC unroll 8
    for (int k = 0; k < m.width; ++k)
      if (m.of[i][k] != 0) y[i] += m.of[i][k] * x[k];
  }
}

// The points of a block's first steps.
template <int lanes, const auto& m>
void points_of(const BlockInput& input, const BlockPlace& to) {
  constexpr int points = m.height, steps = m.width;
  for (int64_t first = 0; first < block_channels; first += lanes) {
    Lanes<lanes> x[steps], y[points];
    for (int i = 0; i < steps; ++i) {
      const bool is_there = i >= input.begin && i < input.end;
      load<lanes>(input.x + (i - input.begin) * input.row + first, is_there ? input.channels - first : 0,
                  input.rounded, x[i]);
    }
    multiply<lanes, m>(x, y);
    float* place = to.at(to.channel + first);
    for (int k = 0; k < points; ++k) store<lanes>(y[k], place + k * to.layout.point());
  }
}

template <int lanes, const auto& m>
void steps_of(const BlockProduct& product, const BlockOutput& output) {
  constexpr int steps = m.height, points = m.width;
  for (int64_t first = 0; first < block_channels; first += lanes) {
    Lanes<lanes> x[points], y[steps];
    for (int k = 0; k < points; ++k) load<lanes>(product.re + k * product.point + first, lanes, x[k]);
    multiply<lanes, m>(x, y);
    for (int t = 0; t < steps; ++t)
      if (t < output.steps) write<lanes>(y[t], output, t, first);
  }
}

}  // namespace
}  // namespace mellow::cpu
