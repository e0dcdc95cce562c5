// SPDX-License-Identifier: MIT
#pragma once

namespace mellow::tools {

inline constexpr const char* program_version = MELLOW_VERSION;  // the project's, from CMake

}  // namespace mellow::tools
