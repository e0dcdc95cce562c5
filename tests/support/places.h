// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <string>

// Where the project and its program lie: where they were built, or, for tests carried to another machine,
// what $MELLOW_SOURCE_DIR and $MELLOW_PROGRAM say.
namespace mellow::test {

inline std::string place_named(const char* variable, const char* built) {
  const char* carried = std::getenv(variable);
  return carried != nullptr ? carried : built;
}

inline std::string source_dir() { return place_named("MELLOW_SOURCE_DIR", MELLOW_SOURCE_DIR); }

}  // namespace mellow::test
