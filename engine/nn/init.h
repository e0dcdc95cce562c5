// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

namespace mellow {

// The constants of two frameworks that differ; a network takes all of them from one (never mixed).
enum class Framework {
  torch,  // batch norm eps 1e-5, momentum 0.1; weights U(±1/√fan_in); Adam eps 1e-8
  keras   // batch norm eps 1e-3, momentum 0.01; weights Glorot uniform, bias 0; Adam eps 1e-7 "eps hat"
};

// How a parameter starts: every element drawn from U(low, high), where low == high is a constant, or from
// N(0, deviation²) where a deviation is given.
struct Init {
  double low = 0, high = 0;
  double deviation = 0;
  // What becomes of all the drawn values together, row-major; empty: they stay.
  std::function<void(std::vector<double>&)> finish = {};
};

inline Init constant(double value) { return {value, value}; }

// A weight's start. fan_in and fan_out count the values that meet at an output and an input.
inline Init weight_init(Framework framework, int64_t fan_in, int64_t fan_out) {
  const double bound = framework == Framework::torch ? 1 / std::sqrt(static_cast<double>(fan_in))
                                                     : std::sqrt(6 / static_cast<double>(fan_in + fan_out));
  return {-bound, bound};
}

// What a layer's weight starts as: He et al. 2015, for convolutions before a relu, where the network's
// authors ask for it in the framework they used; the other framework's start is its usual one.
enum class WeightStart {
  usual,            // weight_init
  torch_he_normal,  // N(0, 2 / fan_out), as torchvision's ResNets
  keras_he_uniform  // U(±√(6 / fan_in)), as LSTM-FCN
};

inline Init weight_init(WeightStart start, Framework framework, int64_t fan_in, int64_t fan_out) {
  if (start == WeightStart::torch_he_normal && framework == Framework::torch)
    return {.deviation = std::sqrt(2 / static_cast<double>(fan_out))};
  if (start == WeightStart::keras_he_uniform && framework == Framework::keras) {
    const double bound = std::sqrt(6 / static_cast<double>(fan_in));
    return {-bound, bound};
  }
  return weight_init(framework, fan_in, fan_out);
}

inline Init bias_init(Framework framework, int64_t fan_in) {
  if (framework == Framework::keras) return constant(0);
  return weight_init(framework, fan_in, 0);
}

}  // namespace mellow
