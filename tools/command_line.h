// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace mellow::tools {

// Runs the program with these arguments (without its own name); returns the exit code or throws.
int run_command(const std::vector<std::string>& arguments);

}  // namespace mellow::tools
