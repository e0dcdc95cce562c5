// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace mellow::tools {

// The text goes to the file (atomically) or, for "-", to stdout. Throws ErrorKind::io when not all got there.
void write_output(const std::string& path, const std::string& text);

// All of stdin, at most as much as a series file may have.
std::string read_stdin();

}  // namespace mellow::tools
