// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdint>

#include <doctest/doctest.h>

#include "mellow/engine/core/parse_number.h"

namespace mellow {

TEST_CASE("parse_number takes the whole text or nothing") {
  CHECK(parse_number<int64_t>("-12") == -12);
  CHECK(parse_number<int64_t>("010") == 10);
  CHECK(parse_number<uint64_t>("18446744073709551615") == UINT64_MAX);
  CHECK(parse_number<double>("1e-3") == 1e-3);
  CHECK(std::isnan(parse_number<double>("nan").value()));
  for (const char* text : {"", "-", "+1", " 1", "1 ", "1.5", "1e2", "0x10", "9223372036854775808"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_number<int64_t>(text));
  }
  for (const char* text : {"", "+1", " 1", "1,5", "1.5.", "1e", "1e999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_number<double>(text));
  }
  CHECK_FALSE(parse_number<uint64_t>("-1"));
}

}  // namespace mellow
