// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "mellow/engine/ops/conv1d.h"

namespace mellow::test {

// Convolutions that every op with one in it is tested on.
struct Conv1dCase {
  Shape x, weight;
  Conv1dOptions options;
};

inline const std::vector<Conv1dCase>& conv1d_cases() {
  static const std::vector<Conv1dCase> all = {
      {{1, 1, 1}, {1, 1, 1}, {}},
      {{2, 7, 3}, {5, 1, 3}, {}},
      {{3, 17, 2}, {4, 3, 2}, same_padding(3)},
      {{2, 12, 5}, {3, 8, 5}, same_padding(8)},
      {{2, 5, 3}, {4, 40, 3}, same_padding(40)},  // the series is shorter than the kernel
      {{2, 23, 4}, {6, 3, 4}, same_padding(3, 4)},
      {{2, 9, 3}, {2, 3, 3}, same_padding(3, 16)},  // only the middle tap meets the series
      {{3, 20, 3}, {8, 7, 3}, {.stride = 2, .pad_left = 3, .pad_right = 3}},
      {{2, 11, 4}, {4, 1, 4}, {.stride = 2}},
      {{2, 13, 6}, {9, 3, 2}, {.groups = 3, .pad_left = 2}},
      {{2, 15, 4}, {4, 5, 1}, {.stride = 3, .dilation = 2, .groups = 4, .pad_left = 1, .pad_right = 4}},
      {{1, 33, 19}, {35, 5, 19}, {.pad_left = 4}},
  };
  return all;
}

}  // namespace mellow::test
