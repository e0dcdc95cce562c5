// SPDX-License-Identifier: MIT
#include <cmath>
#include <string>

#include <doctest/doctest.h>

#include "mellow/data/readers.h"
#include "mellow/tests/support/files.h"

using namespace mellow;
using test::contains;
using test::message_of;

namespace {

SeriesSet read(const std::string& text) { return read_series(text, Format::ts, "x.ts"); }
std::string fault(const std::string& text) {
  return message_of([&] { read(text); });
}

}  // namespace

TEST_CASE("ts: multivariate values become [series, length, channels]") {
  const SeriesSet set = read(
      "# a comment\n%# another\n\n@problemName X\n@PROBLEMNAME again\n@timeStamps false\n@missing "
      "false\n@univariate "
      "false\n"
      "@dimensions 2\n@equalLength true\n@seriesLength 3\n@classLabel true walk run\n@data\n"
      "1,2,3:4,5,6:walk\n7,8,9:10,11,12:run\n");
  CHECK(set.series == 2);
  CHECK(set.length == 3);
  CHECK(set.channels == 2);
  CHECK(set.values == std::vector<float>{1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12});
  CHECK(set.class_names == std::vector<std::string>{"run", "walk"});
  CHECK(set.labels == std::vector<int32_t>{1, 0});
}

TEST_CASE("ts: classes in numeric order, whatever the header's order") {
  const SeriesSet set = read("@classLabel true 1 10 2\n@data\n1:10\n2:2\n3:1.0\n");
  CHECK(set.class_names == std::vector<std::string>{"1", "2", "10"});
  CHECK(set.labels == std::vector<int32_t>{2, 1, 0});
}

TEST_CASE("ts: unequal lengths and missing values") {
  const SeriesSet set = read(
      "@univariate false\r\n@equalLength false\r\n@missing true\r\n@classLabel true a b\r\n@data\r\n"
      "1,2,3:4,?,6:a\r\n7:8:b\r\n ?,1 : 2,NaN : a \r\n?:?:b");
  CHECK(set.series == 4);
  CHECK(set.length == 3);
  CHECK(set.lengths == std::vector<int32_t>{3, 1, 2, 0});
  CHECK(set.unequal);
  CHECK(set.missing == 3);
  CHECK(set.row(1)[0] == 7);
  CHECK(set.row(1)[1] == 8);
  CHECK(std::isnan(set.row(1)[2]));
  CHECK(set.row(2)[2] == 1);
}

TEST_CASE("ts: equal lengths keep missing values at the end") {
  const SeriesSet set = read("@equalLength true\n@classLabel true 1\n@data\n1,2,?:1\n1,2,3:1\n");
  CHECK_FALSE(set.unequal);
  CHECK(set.missing == 1);
}

TEST_CASE("ts: time stamps are read over") {
  const SeriesSet set = read(
      "@timeStamps true\n@univariate false\n@classLabel true 1 2\n@data\n"
      "(2007-01-01 00:00:00,241.97),(2007-01-01 00:01:00, 1e1):(0,1),(1.5,?):1\n(0,1),(1,2):(0,3),(1,4):2\n");
  CHECK(set.channels == 2);
  CHECK(set.row(0)[0] == 241.97f);
  CHECK(set.row(0)[1] == 1);
  CHECK(set.row(0)[2] == 10);
  CHECK(std::isnan(set.row(0)[3]));
}

TEST_CASE("ts: files without labels") {
  const SeriesSet set = read("@classLabel false\n@univariate false\n@data\n1,2:3,4 \n5,6:7,8\n");
  CHECK_FALSE(set.labelled());
  CHECK(set.series == 2);
  CHECK(set.channels == 2);
}

TEST_CASE("ts: a header that lies is found out") {
  CHECK(fault("@univariate true\n@classLabel true 1\n@data\n1,2:3,4:1\n") ==
        "x.ts:4:8: expected 1 dimensions, found 2 (write @univariate false)");
  CHECK(contains(fault("@univariate false\n@dimensions 3\n@classLabel true 1\n@data\n1,2:3,4:1\n"),
                 "x.ts:5:8: expected 3 dimensions, found 2"));
  CHECK(contains(fault("@univariate false\n@classLabel true 1\n@data\n1:2:1\n1:2:3:1\n"),
                 "x.ts:5:6: expected 2 dim"));
  CHECK(contains(fault("@univariate true\n@dimensions 3\n@classLabel true 1\n@data\n1:1\n"),
                 "expected one dimension after @univariate true, found @dimensions 3"));
  CHECK(contains(fault("@seriesLength 3\n@classLabel true 1\n@data\n1,2:1\n"),
                 "x.ts:4:4: expected 3 values in every dimension (@equalLength true), found 2"));
  CHECK(contains(fault("@classLabel true 1\n@data\n1,2:1\n1,2,3:1\n"), "(write @equalLength false)"));
  CHECK(contains(fault("@equalLength false\n@seriesLength 2\n@classLabel true 1\n@data\n1,2,3:1\n"),
                 "expected at most @seriesLength 2 values, found 3"));
  CHECK(contains(fault("@univariate false\n@equalLength false\n@classLabel true 1\n@data\n1,2:3:1\n"),
                 "x.ts:5:6: expected 2 values in dimension 2 as in dimension 1, found 1"));
  CHECK(contains(fault("@classLabel true 1 2\n@data\n1,2:3\n"),
                 "x.ts:3:5: expected one of the 2 classes of @classLabel, found \"3\""));
  CHECK(contains(fault("@missing false\n@classLabel true 1\n@data\n1,?:1\n"),
                 "x.ts:4:3: expected a number after @missing false, found \"?\" (write @missing true)"));
  CHECK(contains(fault("@classLabel true 1\n@data\n1,2\n"), "x.ts:3:4: expected ':' and a class label"));
  CHECK(contains(fault("@classLabel true 1\n@data\n(0,1),(1,2):1\n"), "write @timeStamps true"));
  CHECK(contains(fault("@timeStamps true\n@classLabel true 1\n@data\n1,2:1\n"), "write @timeStamps false"));
  CHECK(contains(fault("@univariate false\n@data\n1,2:3,4\n"),
                 "for a file without labels write @classLabel false"));
}

TEST_CASE("ts: broken headers") {
  CHECK(contains(fault(""), "x.ts:1:1: expected @data, found the end of the file"));
  CHECK(contains(fault("@data\n"), "x.ts:2:1: expected at least one series, found none"));
  CHECK(contains(fault("1,2,3:1\n"),
                 "x.ts:1:1: expected a header line that starts with @, or @data, found \"1\""));
  CHECK(contains(fault("@data now\n1:1\n"), "@data alone on its line"));
  CHECK(contains(fault("@univariate maybe\n@data\n1:1\n"),
                 "x.ts:1:13: expected true or false, found \"maybe\""));
  CHECK(contains(fault("@univariate true true\n@data\n1:1\n"), "expected the end of the header line"));
  CHECK(contains(fault("@classLabel true\n@data\n1:1\n"), "expected the class names after @classLabel true"));
  CHECK(contains(fault("@dimensions 0\n@data\n1:1\n"), "expected a whole number from 1, found \"0\""));
  CHECK(contains(fault("@dimensions 99999999999999999999\n@data\n1:1\n"), "expected a whole number from 1"));
  CHECK(contains(fault("@missing true\n@Missing true\n@data\n1:1\n"),
                 "x.ts:2:1: expected every header key once"));
  CHECK(contains(fault("@targetLabel true\n@data\n1:1.5\n"),
                 "x.ts:1:1: expected classes, found @targetLabel true"));
}

TEST_CASE("ts: broken data") {
  const std::string head = "@univariate false\n@classLabel true 1\n@data\n";
  CHECK(contains(fault(head + "1,2,:1\n"), "x.ts:4:5: expected a number, found \":\""));
  CHECK(contains(fault(head + ":1\n"), "x.ts:4:1: expected a number"));
  CHECK(contains(fault(head + "1,2::1\n"), "x.ts:4:5: expected a number"));
  CHECK(contains(fault(head + "1 2:1\n"), "x.ts:4:3: expected ',' or ':' after the value"));
  CHECK(contains(fault(head + "1,2:\n"),
                 "x.ts:4:5: expected one of the 1 classes of @classLabel, found the end of the line"));
  CHECK(
      contains(fault(head + "1,2:1 junk\n"), "x.ts:4:7: expected the end of the line after the class label"));
  CHECK(contains(fault(head + "# no comments here\n"), "x.ts:4:"));
  CHECK(contains(fault(head + "1,2:1\r\r\n"), "x.ts:4:"));
  const std::string stamped = "@timeStamps true\n" + head;
  for (const char* row :
       {"(0,1:1\n", "(0):1\n", "(,1):1\n", "():1\n", "(0,1)x:1\n", "(0,):1\n", "(0,1 2):1\n", "(:1\n"}) {
    CAPTURE(row);
    CHECK(contains(fault(stamped + row), "x.ts:5:"));
  }
}

// A case of one value next to one of 400,000, a thousand times over, would be padded to 1.6 GB.
TEST_CASE("ts: padding cannot blow up") {
  std::string text = "@equalLength false\n@classLabel true 1\n@data\n0";
  for (int i = 0; i < 400'000; ++i) text += ",0";
  text += ":1\n";
  for (int i = 0; i < 1000; ++i) text += "0:1\n";
  CHECK(contains(fault(text),
                 "found 1001 series to be padded to 400001 time steps (split or cut the longest series)"));
  CHECK(contains(
      fault("@equalLength false\n@seriesLength 9000000000000000000\n@classLabel true 1\n@data\n1:1\n"),
      "to be padded to 9000000000000000000 time steps"));
}
