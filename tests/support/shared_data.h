// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "mellow/tests/support/places.h"

namespace mellow {

// A file or folder of the data that tests may use when it is there: in $MELLOW_TEST_DATA, else in shared/
// beside the checkout. When absent, says so and returns nothing: the test then has nothing to check.
inline std::optional<std::string> shared_data(const std::string& path) {
  namespace fs = std::filesystem;
  const char* set = std::getenv("MELLOW_TEST_DATA");
  const fs::path place = (set ? fs::path(set) : fs::path(test::source_dir()) / ".." / "shared") / path;
  if (fs::exists(place)) return place.string();
  MESSAGE("skipped: " << place.string() << " is not there (set MELLOW_TEST_DATA to the folder that holds "
                      << path << ")");
  return std::nullopt;
}

}  // namespace mellow
