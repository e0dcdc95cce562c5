// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/core/edit_distance.h"

using namespace mellow;

TEST_CASE("edit distance counts insertions, removals and changes") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("--epoch", "--epochs") == 1);
}

TEST_CASE("the nearest names come first, ties by bytes") {
  const std::vector<std::string> names = {"fcn", "mlp", "resnet", "fcm"};
  CHECK(nearest(names, "fcn", 2) == std::vector<std::string>{"fcn", "fcm"});
  CHECK(nearest(names, "mlq", 9).size() == 4);
  CHECK(nearest({"b", "a"}, "c", 1) == std::vector<std::string>{"a"});
  CHECK(nearest({}, "x", 1).empty());
}
