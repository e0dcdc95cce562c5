// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace mellow::tools {

// Reads a TOML file whose keys are the long options of `command`, and gives them as arguments. Throws
// ErrorKind::input with file and line: wrong TOML, a key that is no option (with the nearest one), a table or
// list.
std::vector<std::string> read_config(const std::string& path, const CLI::App& command);

// The long option of `command` nearest to `name`, with its dashes; not one of `without`.
std::string nearest_option(const CLI::App& command, const std::string& name,
                           const std::vector<std::string>& without = {});

}  // namespace mellow::tools
