// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>

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
};

inline Init constant(double value) { return {value, value}; }

// A weight's start. fan_in and fan_out count the values that meet at an output and an input.
inline Init weight_init(Framework framework, int64_t fan_in, int64_t fan_out) {
  const double bound = framework == Framework::torch ? 1 / std::sqrt(static_cast<double>(fan_in))
                                                     : std::sqrt(6 / static_cast<double>(fan_in + fan_out));
  return {-bound, bound};
}

// What a layer's weight starts as; Keras starts all alike.
enum class WeightStart {
  usual,     // weight_init
  he_normal  // N(0, 2 / fan_out): He et al. 2015, for convolutions before a relu, as torchvision's ResNets
};

inline Init weight_init(WeightStart start, Framework framework, int64_t fan_in, int64_t fan_out) {
  if (start == WeightStart::usual || framework == Framework::keras)
    return weight_init(framework, fan_in, fan_out);
  return {.deviation = std::sqrt(2 / static_cast<double>(fan_out))};
}

inline Init bias_init(Framework framework, int64_t fan_in) {
  if (framework == Framework::keras) return constant(0);
  return weight_init(framework, fan_in, 0);
}

}  // namespace mellow
