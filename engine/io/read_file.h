// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace mellow {

// The whole file. Throws ErrorKind::input when it is missing, a folder or longer than max_bytes
// (nothing beyond max_bytes is read, whatever size the file claims), ErrorKind::io when reading fails.
std::string read_file(const std::string& path, uint64_t max_bytes);

}  // namespace mellow
