// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace mellow {

inline constexpr uint64_t no_limit = std::numeric_limits<uint64_t>::max();

// The whole file, or what a pipe brings. Throws ErrorKind::input when it is missing, a folder or longer than
// max_bytes (nothing beyond max_bytes is read, whatever size the file claims), ErrorKind::io when reading
// fails, ErrorKind::out_of_memory. Not mapped: a file cut short by another program while it is mapped would
// end this one.
std::string read_file(const std::string& path, uint64_t max_bytes = no_limit);

// All of standard input.
std::string read_stdin();

}  // namespace mellow
