// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

// exp, erf, sigmoid and tanh without branches or calls in float, so that loops over them become vector code.
// The polynomials were fitted for this file: minimax fits by iterated weighted least squares, error below
// 5e-9 before rounding. double goes to the standard library: it is the reference.
namespace mellow::cpu {

// Relative error below 2e-7; below -87 the result stays at the smallest normal number, above 88 at 1.6e38.
inline float exp_of(float x) {
  constexpr float lowest = -87.0f, highest = 88.0f;
  x = x < lowest ? lowest : x;
  x = x > highest ? highest : x;
  // Adding 1.5 · 2^23 rounds to a whole number and leaves it in the low bits.
  constexpr float rounder = 12582912.0f;
  const float shifted = x * 1.44269504f + rounder;
  const float n = shifted - rounder;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts, the first exact
  float p = 0.00139504857f;
  p = p * r + 0.00836888794f;
  p = p * r + 0.041666206f;
  p = p * r + 0.166665182f;
  p = p * r + 0.5f;
  p = p * (r * r) + r + 1.0f;
  const uint32_t exponent = std::bit_cast<uint32_t>(shifted) << 23;  // n · 2^23, modulo 2^32
  return std::bit_cast<float>(std::bit_cast<uint32_t>(p) + exponent);
}

// Absolute error below 2e-7.
inline float erf_of(float x) {
  const float t = std::fabs(x), s = x * x;
  float near = 7.64713186e-05f;
  near = near * s - 0.000794236141f;
  near = near * s + 0.00517975027f;
  near = near * s - 0.0268485919f;
  near = near * s + 0.112834305f;
  near = near * s - 0.376126051f;
  near = near * s + 0.128379151f;
  near = near * x + x;
  const float u = t > 4.0f ? 4.0f : t;  // beyond 4, erf is 1 in float
  float log_erfc = -2.14961128e-05f;
  log_erfc = log_erfc * u + 0.00043910637f;
  log_erfc = log_erfc * u - 0.00419361098f;
  log_erfc = log_erfc * u + 0.025178967f;
  log_erfc = log_erfc * u - 0.10837248f;
  log_erfc = log_erfc * u - 0.633262634f;
  log_erfc = log_erfc * u - 1.12955678f;
  log_erfc = log_erfc * u + 0.00018344415f;
  const float far = std::copysign(1.0f - exp_of(log_erfc), x);
  return t < 1.0f ? near : far;
}

inline float sigmoid_of(float x) { return 1.0f / (1.0f + exp_of(-x)); }

inline float tanh_of(float x) {
  const float t = std::fabs(x), s = x * x;
  float near = -0.00571704889f;
  near = near * s + 0.0206505917f;
  near = near * s - 0.0537435003f;
  near = near * s + 0.133314908f;
  near = near * s - 0.333332837f;
  near = near * s * x + x;
  const float far = std::copysign(1.0f - 2.0f / (1.0f + exp_of(2.0f * t)), x);
  return t < 0.625f ? near : far;
}

inline double exp_of(double x) { return std::exp(x); }
inline double erf_of(double x) { return std::erf(x); }
inline double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
inline double tanh_of(double x) { return std::tanh(x); }

}  // namespace mellow::cpu
