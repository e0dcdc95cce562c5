// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace mellow {

// The bytes of a file, a pipe or "-" (standard input). Throws ErrorKind::io with the reason of the system.
// Not mapped: a file cut short by another program while it is mapped would end this one.
std::string read_file_text(const std::string& path);

}  // namespace mellow
