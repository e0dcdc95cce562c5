// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace mellow::tools {

// The text goes to the file (atomically) or, for "-", to stdout. Throws ErrorKind::io when not all got there.
void write_output(const std::string& path, const std::string& text);

}  // namespace mellow::tools
