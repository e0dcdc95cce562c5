// SPDX-License-Identifier: MIT
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

#include "mellow/data/parse_float.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/core/random.h"

using namespace mellow;

namespace {

// strtof of the C library rounds correctly: the reference.
void check_same(const std::string& text) {
  CAPTURE(text);
  float value = 0;
  const char* after = parse_float(text.data(), text.data() + text.size(), value);
  REQUIRE(after == text.data() + text.size());
  CHECK(std::bit_cast<uint32_t>(value) == std::bit_cast<uint32_t>(std::strtof(text.c_str(), nullptr)));
}

std::string digits(uint64_t seed, int count) {
  std::string out;
  for (int i = 0; i < count; ++i)
    out +=
        static_cast<char>('0' + random_words(seed, RandomStream::test, 7, static_cast<uint64_t>(i))[0] % 10);
  return out;
}

}  // namespace

TEST_CASE("parse_float: hand-picked numbers") {
  for (const char* text : {"0",
                           "-0",
                           "1",
                           "-1.5",
                           "+2",
                           "1.",
                           ".5",
                           "-.25",
                           "1e3",
                           "1E-3",
                           "1.0000000e+00",
                           "-5.1841899e-01",
                           "0.1",
                           "16777217",
                           "16777219",
                           "16777216.5",
                           "33554433",
                           "8388608.5",
                           "8388609.5",
                           "3.4028235e38",
                           "3.4028236e38",
                           "1e39",
                           "-1e39",
                           "1e-45",
                           "7e-46",
                           "7.1e-46",
                           "1.17549435e-38",
                           "1.17549429e-38",
                           "1e-400",
                           "1e400",
                           "1e-1000000000",
                           "1e1000000000",
                           "0e999999999",
                           "00000000000000000000000000001",
                           "0.00000000000000000000000000000000000000000001",
                           "340282356779733661637539395458142568447",
                           "123456789012345678901234567890",
                           "0.30050000000000004",
                           "9007199254740993",
                           "1.00000005960464477539062500000000000000000001",
                           "1.000000059604644775390625",
                           "0.000000000000000000000000000000000000001e39"})
    check_same(text);
}

TEST_CASE("parse_float: equals strtof on numbers of every length and size") {
  for (uint64_t i = 0; i < 20000; ++i) {
    const RandomWords w = random_words(3, RandomStream::test, 1, i);
    const int whole = static_cast<int>(w[0] % 12), fraction = static_cast<int>(w[1] % 22) + (whole == 0);
    std::string number = w[2] & 1 ? "-" : "";
    number += digits(i, whole);
    number += '.';
    number += digits(i + 77777, fraction);
    if (w[2] & 2) number += text("e", static_cast<int>(w[3] % 100) - 50);
    check_same(number);
  }
}

// The double nearest to these lies half-way between two floats, while the number itself does not.
TEST_CASE("parse_float: no double rounding") {
  for (uint32_t i = 1; i < 4000; ++i) {
    const float low = std::bit_cast<float>(0x3f800000u + i * 1031u);
    const double half = (double{low} + double{std::nextafter(low, 10.0f)}) / 2;
    char text[64];
    std::snprintf(text, sizeof text, "%.40f", half);
    check_same(text);
    std::string above = text;
    above.back() = '1';
    check_same(above);
    for (const char* form :
         {"%.15f", "%.17g", "%.18f"}) {  // the last two have more digits than a double holds
      std::snprintf(text, sizeof text, form, half);
      check_same(text);
    }
  }
}

TEST_CASE("parse_float: what is no number") {
  for (const char* text : {"", "-", "+", ".", "-.", "e5", "1e", "1e+", "abc", "nan", "inf", "?", " 1"}) {
    CAPTURE(text);
    float value = 0;
    CHECK(parse_float(text, text + std::string(text).size(), value) == nullptr);
  }
}

TEST_CASE("parse_float: stops where the number ends") {
  const std::string text = "12.5,7";
  float value = 0;
  CHECK(parse_float(text.data(), text.data() + text.size(), value) == text.data() + 4);
  CHECK(value == 12.5f);
  CHECK(parse_float(text.data(), text.data() + 2, value) == text.data() + 2);  // never past the end given
  CHECK(value == 12.0f);
}
