// SPDX-License-Identifier: MIT
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace mellow {

// What kind of thing went wrong; the program turns usage and input into exit code 2, the rest into 1.
enum class ErrorKind { usage, input, unsupported, out_of_memory, io, device, cancelled };

// The only exception the library throws: where, what was asked, what came, and the fix.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, ErrorKind kind = ErrorKind::usage)
      : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

// Streams all parts into one string.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

}  // namespace mellow

// Throws a usage Error made of the parts after the condition: MELLOW_CHECK(n > 0, "[op] n is ", n).
#define MELLOW_CHECK(condition, ...)                                      \
  do {                                                                    \
    if (!(condition)) throw ::mellow::Error(::mellow::text(__VA_ARGS__)); \
  } while (false)
