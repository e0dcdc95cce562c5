// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <limits>
#include <system_error>

namespace mellow {

// The pieces of a decimal number: (-1)^negative * mantissa * 10^exponent, mantissa exact when digits <= 19.
struct Decimal {
  const char* begin = nullptr;  // first character after the sign
  const char* end = nullptr;    // one past the last character; null when this is no number
  uint64_t mantissa = 0;
  int64_t digits = 0;
  int64_t exponent = 0;
  bool negative = false;
};

inline bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// Reads [+-] digits [. digits] [(e|E) [+-] digits] with at least one digit before the exponent.
inline Decimal scan_decimal(const char* p, const char* end) {
  constexpr int64_t largest_exponent = 1'000'000;  // far past any float: keeps the sum below from overflowing
  Decimal d;
  if (p != end && (*p == '-' || *p == '+')) d.negative = *p++ == '-';
  d.begin = p;
  while (p != end && is_digit(*p)) d.mantissa = d.mantissa * 10 + static_cast<uint64_t>(*p++ - '0');
  d.digits = p - d.begin;
  if (p != end && *p == '.') {
    const char* fraction = ++p;
    while (p != end && is_digit(*p)) d.mantissa = d.mantissa * 10 + static_cast<uint64_t>(*p++ - '0');
    d.digits += p - fraction;
    d.exponent = fraction - p;
  }
  if (d.digits == 0) return d;
  if (p != end && (*p == 'e' || *p == 'E')) {
    ++p;
    bool down = false;
    if (p != end && (*p == '-' || *p == '+')) down = *p++ == '-';
    if (p == end || !is_digit(*p)) return d;
    int64_t e = 0;
    for (; p != end && is_digit(*p); ++p)
      if (e < largest_exponent) e = e * 10 + (*p - '0');
    d.exponent += down ? -e : e;
  }
  d.end = p;
  return d;
}

// The magnitude of a decimal too long or too large for the short way; infinity when float32 cannot hold it.
inline float round_long_decimal(const Decimal& d) {
  float value = 0;
  if (std::from_chars(d.begin, d.end, value).ec == std::errc{}) return value;
  double wide = 0;
  if (std::from_chars(d.begin, d.end, wide).ec == std::errc{}) return static_cast<float>(wide);
  const char* p = d.begin;  // beyond double as well: only the side matters
  int64_t leading_zeros = 0;
  for (; p != d.end && (*p == '0' || *p == '.'); ++p) leading_zeros += *p == '0';
  return d.exponent + d.digits - leading_zeros > 0 ? std::numeric_limits<float>::infinity() : 0.0f;
}

// Parses a decimal number, correctly rounded to float32 (ties to even). Returns one past its last character,
// or null when there is no number at p. The value is infinite when it does not fit.
//
// Short way (Clinger, "How to read floating point numbers accurately", PLDI 1990): a mantissa up to 2^53 and
// a power of ten up to 10^22 are exact doubles, so one multiplication or division rounds once. Rounding that
// double to float is a second rounding, which can differ from a single one only when the double lies half-way
// between two floats: those take the long way. (From 10^-22 on there are no subnormal floats to think of.)
inline const char* parse_float(const char* p, const char* end, float& value) {
  constexpr std::array<double, 23> powers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                             1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                             1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  constexpr uint64_t below_bits = (uint64_t{1} << 29) - 1,
                     half_bits = uint64_t{1} << 28;  // 53 - 24 = 29 bits
  const Decimal d = scan_decimal(p, end);
  if (d.end == nullptr) return nullptr;
  float magnitude = 0;
  bool exact = false;
  if (d.digits <= 19 && d.mantissa <= (uint64_t{1} << 53) && d.exponent >= -22 && d.exponent <= 22) {
    const double m = static_cast<double>(d.mantissa);
    const double wide = d.exponent < 0 ? m / powers[static_cast<size_t>(-d.exponent)]
                                       : m * powers[static_cast<size_t>(d.exponent)];
    exact = (std::bit_cast<uint64_t>(wide) & below_bits) != half_bits;
    magnitude = static_cast<float>(wide);
  }
  if (!exact) magnitude = round_long_decimal(d);
  value = d.negative ? -magnitude : magnitude;
  return d.end;
}

}  // namespace mellow
