// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

namespace mellow::cpu {

// Half-open [begin, end).
struct Range {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
  bool empty() const { return end <= begin; }
};

inline Range intersect(Range a, Range b) { return {std::max(a.begin, b.begin), std::min(a.end, b.end)}; }

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }  // a >= 0, b > 0
inline int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

// Rounded towards minus infinity; b > 0.
inline int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// Part i of n nearly equal parts of [0, total).
inline Range part_of_range(int64_t total, int64_t i, int64_t n) {
  return {total * i / n, total * (i + 1) / n};
}

}  // namespace mellow::cpu
