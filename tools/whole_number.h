// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>

namespace mellow::tools {

// A whole number in decimal digits, for signed types with a minus in front, and nothing else; leading zeros
// change nothing. Nothing when it is another text or beyond T.
template <std::integral T>
std::optional<T> whole_number(std::string_view typed) {
  T value{};
  const char* end = typed.data() + typed.size();
  const auto [stop, failed] = std::from_chars(typed.data(), end, value);
  if (failed != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace mellow::tools
