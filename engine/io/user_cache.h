// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace mellow {

// The user's folder for what can be computed again: $XDG_CACHE_HOME/mellow, else ~/.cache/mellow; empty when
// neither variable is set. It need not exist.
std::string user_cache_folder();

}  // namespace mellow
