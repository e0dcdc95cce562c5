// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/io/user_cache.h"
#include "mellow/tests/support/environment.h"

namespace mellow::test {

TEST_CASE("the user's cache: XDG_CACHE_HOME, else HOME, else nothing") {
  const EnvironmentVariable home("HOME", "/home/me");
  {
    const EnvironmentVariable cache("XDG_CACHE_HOME", "/cache");
    CHECK(user_cache_folder() == "/cache/mellow");
  }
  const EnvironmentVariable cache("XDG_CACHE_HOME", "");
  CHECK(user_cache_folder() == "/home/me/.cache/mellow");
  const EnvironmentVariable none("HOME", "");
  CHECK(user_cache_folder().empty());
}

}  // namespace mellow::test
