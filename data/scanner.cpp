// SPDX-License-Identifier: MIT
#include "mellow/data/scanner.h"

#include <algorithm>
#include <cctype>

#include "mellow/engine/core/error.h"

namespace mellow {

namespace {

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

}  // namespace

std::string quoted(std::string_view text) {
  constexpr size_t longest = 32;
  constexpr char hex[] = "0123456789abcdef";
  std::string out = "\"";
  for (char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
    }
  }
  return out + (text.size() > longest ? "...\"" : "\"");
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

Scanner::Scanner(std::string_view bytes, std::string_view file_name)
    : file(file_name),
      begin(bytes.data()),
      at(bytes.data()),
      end(bytes.data() + bytes.size()),
      line_start(bytes.data()) {
  if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff"))
    fail_found(at, "UTF-8 text", "a UTF-16 byte order mark", "save the file as UTF-8");
  const size_t nul = bytes.find('\0');
  if (nul != std::string_view::npos) {
    const char* place = begin + nul;
    line += std::count(begin, place, '\n');
    const size_t last = bytes.substr(0, nul).rfind('\n');
    if (last != std::string_view::npos) line_start = begin + last + 1;
    fail_found(place, "text", "a NUL byte", "the file is binary or damaged");
  }
  if (bytes.starts_with("\xef\xbb\xbf")) at += 3;
}

const char* Scanner::line_stop() const {
  if (at == end) return end;
  const void* newline = std::memchr(at, '\n', static_cast<size_t>(end - at));
  const char* stop = newline ? static_cast<const char*>(newline) : end;
  if (newline && stop != at && stop[-1] == '\r') --stop;
  while (stop != at && (stop[-1] == ' ' || stop[-1] == '\t')) --stop;
  return stop;
}

void Scanner::finish_line(std::string_view expected) {
  skip_blanks();
  if (!at_line_end()) fail(expected);
  next_line();
}

std::string_view Scanner::word(std::string_view stops) {
  const char* first = at;
  while (!at_line_end() && *at != ' ' && *at != '\t' && stops.find(*at) == std::string_view::npos) ++at;
  return {first, static_cast<size_t>(at - first)};
}

float Scanner::unusual_value(const char* after) {
  if (after != nullptr) fail("a number that float32 can hold (at most 3.4028235e38)");
  if (at != end && *at == '?') {
    ++at;
  } else if (end - at >= 3 && equal_ignoring_case({at, 3}, "nan")) {
    at += 3;
  } else {
    fail("a number", "a missing value is written NaN or ?");
  }
  saw_missing = true;
  return std::numeric_limits<float>::quiet_NaN();
}

void Scanner::fail_at(const char* place, std::string_view expected, std::string_view fix) const {
  if (place == end) fail_found(place, expected, "the end of the file", fix);
  if (*place == '\n' || *place == '\r') fail_found(place, expected, "the end of the line", fix);
  constexpr std::string_view separators = " \t\r\n,:()'\"";
  const auto separates = [&](char c) { return separators.find(c) != std::string_view::npos; };
  const char* stop = place + 1;  // at least the one character that does not fit
  while (!separates(*place) && stop != end && !separates(*stop)) ++stop;
  fail_found(place, expected, quoted({place, static_cast<size_t>(stop - place)}), fix);
}

void Scanner::fail_found(const char* place, std::string_view expected, std::string_view found,
                         std::string_view fix) const {
  std::string message =
      text(file, ":", line, ":", place - line_start + 1, ": expected ", expected, ", found ", found);
  if (!fix.empty()) message += text(" (", fix, ")");
  throw Error(message, ErrorKind::input);
}

}  // namespace mellow
