// SPDX-License-Identifier: MIT
#include "mellow/engine/io/user_cache.h"

#include <cstdlib>

namespace mellow {

std::string user_cache_folder() {
  if (const char* base = std::getenv("XDG_CACHE_HOME"); base != nullptr && *base != 0)
    return std::string(base) + "/mellow";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != 0)
    return std::string(home) + "/.cache/mellow";
  return {};
}

}  // namespace mellow
