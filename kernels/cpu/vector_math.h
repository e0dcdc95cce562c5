// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

// exp, the normal distribution, sigmoid and tanh without branches or calls in float, so that loops over them
// become vector code. The polynomials were fitted for this file: minimax fits by iterated weighted least
// squares, error below 5e-9 before rounding. double goes to the standard library: it is the reference.
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

// exp(-x² / 2); 0 where that is below the smallest normal number.
inline float gauss_of(float x) {
  const float square = x * x, value = exp_of(-0.5f * square);
  return square > 174.0f ? 0.0f : value;
}

// Φ(x) of the standard normal distribution, given gauss = gauss_of(x). Absolute error below 2e-7: the tail
// is gauss times a polynomial in 1 / (1 + 0.275 |x|), the form of Abramowitz & Stegun 7.1.26.
inline float normal_of(float x, float gauss) {
  const float t = 1.0f / (1.0f + 0.275f * std::fabs(x));
  float tail = -0.114858396f;
  tail = tail * t + 0.451998979f;
  tail = tail * t - 0.330993801f;
  tail = tail * t + 0.333932608f;
  tail = tail * t + 0.0421113484f;
  tail = tail * t + 0.117809273f;
  tail = std::fabs(x) > 13.0f ? 0.0f : tail * t * gauss;  // exp_of does not go down to 0
  return x < 0 ? tail : 1.0f - tail;
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
inline double gauss_of(double x) { return std::exp(-0.5 * x * x); }
inline double normal_of(double x, double) { return 0.5 * std::erfc(-x * std::numbers::sqrt2 / 2); }
inline double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
inline double tanh_of(double x) { return std::tanh(x); }

}  // namespace mellow::cpu
