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

SeriesSet read(const std::string& text, const ReadOptions& options = {}) {
  return read_series(text, Format::tsv, "x.tsv", options);
}
std::string fault(const std::string& text, const ReadOptions& options = {}) {
  return message_of([&] { read(text, options); });
}

}  // namespace

TEST_CASE("delimited: labels by value, values in order") {
  const SeriesSet set = read("10\t1\t2\t3\n-1\t4\t5\t6\n2\t7\t8\t9\n");
  CHECK(set.name == "x");
  CHECK(set.series == 3);
  CHECK(set.length == 3);
  CHECK(set.channels == 1);
  CHECK(set.class_names == std::vector<std::string>{"-1", "2", "10"});
  CHECK(set.labels == std::vector<int32_t>{2, 0, 1});
  CHECK(set.values == std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(set.lengths == std::vector<int32_t>{3, 3, 3});
  CHECK_FALSE(set.unequal);
}

TEST_CASE("delimited: tabs, commas, blanks, line ends and a byte order mark") {
  const SeriesSet expected = read("1\t0.5\t-2\n2\t3\t4\n");
  for (const char* text : {"1,0.5,-2\n2,3,4", "1,0.5,-2\r\n2,3,4\r\n",
                           "\xef\xbb\xbf"
                           "1\t0.5\t-2\n2\t3\t4\n",
                           "  1.0000000e+00   5.0e-1  -2\n  2 3 4\n", "1 , 0.5 , -2\n\n2\t3 4  \n\n",
                           "1\t0.5\t-2\t\n2\t3\t4 \t\n", "1 0.5\t-2\n2,3 4\n\n   \n"}) {
    CAPTURE(text);
    const SeriesSet set = read(text);
    CHECK(set.values == expected.values);
    CHECK(set.labels == expected.labels);
    CHECK(set.class_names == expected.class_names);
  }
}

TEST_CASE("delimited: different spellings of a number are one class") {
  const SeriesSet set = read("1\t0\n1.0\t0\n1.0000000e+00\t0\n+1\t0\n0.5\t0\n");
  CHECK(set.class_names == std::vector<std::string>{"0.5", "1"});
  CHECK(set.labels == std::vector<int32_t>{1, 1, 1, 1, 0});
}

TEST_CASE("delimited: one label that is no number makes all of them texts") {
  const SeriesSet set = read("10\t0\n9\t0\nwalk\t0\n1.0\t0\n");
  CHECK(set.class_names == std::vector<std::string>{"1.0", "10", "9", "walk"});
}

TEST_CASE("delimited: NaN at the end is padding") {
  const SeriesSet set = read("1\t1\t2\tNaN\n2\t3\tnan\tNAN\n1\t4\t5\t6\n2\tNaN\tNaN\tNaN\n");
  CHECK(set.unequal);
  CHECK(set.length == 3);
  CHECK(set.lengths == std::vector<int32_t>{2, 1, 3, 0});
  CHECK(set.missing == 0);
  CHECK(std::isnan(set.row(0)[2]));
}

TEST_CASE("delimited: NaN before a value makes the length fixed") {
  const SeriesSet set = read("1\t1\t?\t3\n2\t3\t4\tNaN\n");
  CHECK_FALSE(set.unequal);
  CHECK(set.lengths == std::vector<int32_t>{3, 3});
  CHECK(set.missing == 2);
  const SeriesSet told = read("1\t1\t?\t3\n2\t3\t4\tNaN\n", {.tails = Tails::padding});
  CHECK(told.lengths == std::vector<int32_t>{3, 2});
  CHECK(told.missing == 1);
}

TEST_CASE("delimited: without a label column") {
  const SeriesSet set = read("1\t2\n3\t4\n", {.label_column = false});
  CHECK_FALSE(set.labelled());
  CHECK(set.class_names.empty());
  CHECK(set.values == std::vector<float>{1, 2, 3, 4});
}

TEST_CASE("delimited: known classes") {
  const std::vector<std::string> classes = {"1", "2", "10"};
  const SeriesSet set = read("10.0\t5\n1\t6\n", {.classes = &classes});
  CHECK(set.labels == std::vector<int32_t>{2, 0});
  CHECK(set.class_names == classes);
  CHECK(fault("1\t5\n\n3\t6\n", {.classes = &classes}) ==
        "x.tsv:3:1: expected one of the 3 known classes (1, 2, 10), found \"3\" (a class must occur in the "
        "training "
        "file)");
}

TEST_CASE("delimited: errors name the place") {
  CHECK(fault("1\t2\t3\n2\t4\tx1\n") ==
        "x.tsv:2:5: expected a number, found \"x1\" (a missing value is written NaN or ?)");
  CHECK(fault("1\t2\t3\n2\t4\n") ==
        "x.tsv:2:4: expected 2 values as in line 1, found 1 values (fill short series up with NaN)");
  CHECK(contains(fault("1\t2\n2\t4\t5\n"), "x.tsv:2:1: expected 1 values as in line 1, found 2 values"));
  CHECK(contains(fault("1\t2\t\t3\n"), "x.tsv:1:5: expected a number, found \"\\x09\""));
  CHECK(contains(fault("1,2,,3\n"), "x.tsv:1:5: expected a number"));
  CHECK(contains(fault("1,2,\n"), "x.tsv:1:5: expected a number, found the end of the line"));
  CHECK(contains(fault("1,2,"), "x.tsv:1:5: expected a number, found the end of the file"));
  CHECK(
      contains(fault("1\t2;3\n"), "x.tsv:1:4: expected a tab, comma or blank after the value, found \";3\""));
  CHECK(contains(fault("1\t1e39\n"), "x.tsv:1:3: expected a number that float32 can hold"));
  CHECK(contains(fault("1\t-1e39\n"), "that float32 can hold"));
  CHECK(contains(fault("1\tinf\n"), "x.tsv:1:3: expected a number, found \"inf\""));
  CHECK(contains(fault("1\n"), "x.tsv:1:2: expected values after the label, found the end of the line"));
  CHECK(contains(fault(",1,2\n"), "x.tsv:1:1: expected a class label, found nothing"));
  CHECK(contains(fault("NaN\t1\n"), "x.tsv:1:1: expected a class label, found \"NaN\""));
  CHECK(contains(fault("a\x01\t1\n"), "expected a class label in printable UTF-8, found \"a\\x01\""));
  CHECK(contains(fault("a\xff\t1\n"), "printable UTF-8"));
  CHECK(contains(fault("1\t2\r3\n"), "x.tsv:1:4: expected"));
  CHECK(fault("") == "x.tsv:1:1: expected at least one series, found none");
  CHECK(contains(fault("\n \n"), "expected at least one series"));
  CHECK(contains(fault(std::string("1\t2\n1\t2\0", 8)), "x.tsv:2:4: expected text, found a NUL byte"));
  CHECK(contains(fault("\xff\xfe"
                       "1"),
                 "UTF-16"));
}

TEST_CASE("delimited: more classes than any classification problem has") {
  std::string text;
  for (int i = 0; i < 70000; ++i) text += std::to_string(i) + "\t1\n";
  CHECK(contains(fault(text), "x.tsv:65537:1: expected at most 65536 classes"));
}

TEST_CASE("readers: the format by the file's ending") {
  CHECK(format_of("a/b_TRAIN.TSV") == Format::tsv);
  CHECK(format_of("b.txt") == Format::txt);
  CHECK(format_of("b.csv") == Format::csv);
  CHECK(format_of("Adiac_TRAIN") == Format::csv);
  CHECK(format_of("b.ts") == Format::ts);
  CHECK(format_of("b.arff") == Format::arff);
  CHECK(contains(message_of([] { format_of("m1.tsf"); }), "forecasting"));
  CHECK(contains(message_of([] { format_of("m1.npy"); }), ".npy"));
  CHECK(dataset_name("x/GunPoint_TRAIN.tsv") == "GunPoint");
  CHECK(dataset_name("Adiac_TEST") == "Adiac");
  CHECK(contains(message_of([] { read_series("no/such.tsv"); }), "cannot open no/such.tsv: No such file"));
  CHECK(contains(message_of([] { read_series("/"); }), "Is a directory"));
}
