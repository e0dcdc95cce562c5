// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/train/nearest_neighbour.h"

using namespace mellow;

TEST_CASE("nearest neighbour: counted by hand, ties go to the first") {
  const std::vector<float> train = {0, 0, 4, 0, 0, 4};
  const std::vector<int32_t> train_labels = {0, 1, 2};
  const std::vector<float> test = {1, 0, 3, 1, 0, 3, 2, 0};  // the last lies between the first two
  const std::vector<int32_t> test_labels = {0, 1, 1, 0};
  CHECK(nearest_neighbour_accuracy({train, train_labels}, {test, test_labels}, 2) == 0.75);
  CHECK_THROWS_AS(nearest_neighbour_accuracy({train, train_labels}, {test, test_labels}, 3), Error);
  CHECK_THROWS_AS(nearest_neighbour_accuracy({{}, {}}, {test, test_labels}, 2), Error);
}
