// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <doctest/doctest.h>

#include "mellow/engine/core/error.h"

namespace mellow {

// The message of the mellow::Error that f throws; "no error" when it throws none.
template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// Prints the message when the part is not in it.
inline bool contains(const std::string& message, const std::string& part) {
  const bool found = message.find(part) != std::string::npos;
  if (!found) MESSAGE("the message was: " << message);
  return found;
}

}  // namespace mellow
