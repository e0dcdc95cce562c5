// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "mellow/engine/io/csv.h"
#include "mellow/tests/support/files.h"

namespace mellow::test {
namespace {

TEST_CASE("CsvRow quotes as RFC 4180 and writes shortest numbers") {
  CHECK(CsvRow().add("a").add("b,c").add("say \"x\"").add("two\nlines").add("").text() ==
        "a,\"b,c\",\"say \"\"x\"\"\",\"two\nlines\",");
  CHECK(CsvRow().add("").add("").text() == ",");
  CHECK(CsvRow().add(0.1).add(0.1f).add(1e300).add(-0.0).add(5).add(int64_t{-7}).text() ==
        "0.1,0.1,1e+300,-0,5,-7");
  CHECK(CsvRow().add(-std::nan("")).add(-std::nanf("")).text() == "nan,nan");
  CHECK(CsvRow().add(std::nan("")).add(-std::numeric_limits<double>::infinity()).text() == "nan,-inf");
}

TEST_CASE("CSV numbers survive the round trip bit by bit") {
  for (const double value : {1.0 / 3.0, 1e-310, 123456789.123456789, -2.5e-7, 0x1.fffffffffffffp1023}) {
    const CsvTable table = parse_csv("x\n" + CsvRow().add(value).text() + "\n", "memory");
    CHECK(table.number(0, 0) == value);
  }
}

TEST_CASE("CSV texts survive the round trip") {
  const std::vector<std::string> fields{"", "plain", "a,b", "\"", "\"\"", "x\r\ny", " spaced ", "ünïcode"};
  CsvRow names, row;
  for (size_t i = 0; i < fields.size(); ++i) {
    names.add("column " + std::to_string(i));
    row.add(fields[i]);
  }
  const CsvTable table = parse_csv(names.text() + "\n" + row.text() + "\n" + row.text() + "\r\n", "memory");
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0] == fields);
  CHECK(table.rows[1] == fields);
  CHECK(table.column("column 3") == 3);
  CHECK(parse_csv("one\n\nx\n", "memory").rows == std::vector<std::vector<std::string>>{{""}, {"x"}});
}

TEST_CASE("parse_csv refuses what we did not write, and says where") {
  struct Case {
    const char* text;
    const char* problem;
  };
  for (const Case& c : {
           Case{"", "empty"},
           {"a,b\n1,2", "line 2 ends without an end of line"},
           {"a,b\n1\n", "row 1 has 1 fields, but there are 2 columns"},
           {"a,b\n1,2,3\n", "row 1 has 3 fields"},
           {"a,b\n1,\"2\n", "never closed"},
           {"a,b\n1,\"2\"x\n", "inside quotes"},
           {"a,b\n1,2\"x\n", "line 2 has a character that may only stand inside quotes"},
           {"a,b\n1,2\rx\n", "inside quotes"},
           {"a,a\n1,2\n", "names column a twice"},
       }) {
    CAPTURE(c.text);
    const std::string message = message_of([&] { parse_csv(c.text, "some.csv"); });
    CAPTURE(message);
    CHECK(contains(message, "some.csv"));
    CHECK(contains(message, c.problem));
  }
  const CsvTable table = parse_csv("epoch,loss\n1,0.5x\n2,\n3, 1\n", "m.csv");
  for (const size_t row : {0, 1, 2})
    CHECK(contains(message_of([&] { table.number(row, 1); }), "column loss"));
  CHECK(contains(message_of([&] { table.column("accuracy"); }), "epoch, loss"));
}

}  // namespace
}  // namespace mellow::test
