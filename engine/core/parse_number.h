// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace mellow {

// The number that is all of `text`: decimal, whatever the locale, a minus allowed, no plus and no blanks; for
// float and double also "nan" and "inf". Leading zeros change nothing. Nothing for other text and for numbers
// that T cannot hold.
template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, failed] = std::from_chars(text.data(), end, value);
  if (failed != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace mellow
