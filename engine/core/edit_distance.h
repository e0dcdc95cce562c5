// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// For messages that name what was probably meant.
namespace mellow {

// Levenshtein distance in bytes.
size_t edit_distance(std::string_view a, std::string_view b);

// The `count` names nearest to `name`, nearest first; ties by bytes.
std::vector<std::string> nearest(std::vector<std::string> names, std::string_view name, size_t count);

}  // namespace mellow
