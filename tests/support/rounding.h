// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "mellow/engine/core/backend.h"

namespace mellow::test {

// A float32 as tensor cores see it in this precision, by arithmetic: tf32 keeps 11 significant bits and
// rounds ties away from zero, bf16 keeps 8 and rounds them to even. (Numbers below the normal range are not
// treated.)
inline double rounded(double value, Precision precision) {
  if (precision == Precision::fp32 || value == 0) return value;
  const int bits = precision == Precision::tf32 ? 11 : 8;
  int exponent = 0;
  const double scaled = std::ldexp(std::frexp(value, &exponent), bits);
  return std::ldexp(precision == Precision::tf32 ? std::round(scaled) : std::nearbyint(scaled),
                    exponent - bits);
}

}  // namespace mellow::test
