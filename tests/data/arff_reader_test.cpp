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

SeriesSet read(const std::string& text) { return read_series(text, Format::arff, "x.arff"); }
std::string fault(const std::string& text) {
  return message_of([&] { read(text); });
}

const std::string univariate =
    "% a comment\n@Relation 'a name'\n\n@attribute att0 numeric\n@ATTRIBUTE 'att 1' REAL\n"
    "@attribute  target {1,10, '2'}\n\n@data\n";
const std::string multivariate =
    "@relation X\n@attribute rel relational\n@attribute t0 numeric\n@attribute t1 numeric\n@end rel\n"
    "@attribute activity {Stand,Run}\n@data\n";

}  // namespace

TEST_CASE("arff: univariate") {
  const SeriesSet set = read(univariate + "1,2,10\n% between\n\n 3 , ? , '1' \r\n5,6,2.0");
  CHECK(set.series == 3);
  CHECK(set.length == 2);
  CHECK(set.channels == 1);
  CHECK(set.class_names == std::vector<std::string>{"1", "2", "10"});
  CHECK(set.labels == std::vector<int32_t>{2, 0, 1});
  CHECK(set.lengths == std::vector<int32_t>{2, 1, 2});
  CHECK(set.values[2] == 3);
  CHECK(std::isnan(set.values[3]));
}

TEST_CASE("arff: multivariate") {
  const SeriesSet set = read(multivariate + "'1,2\\n3,4\\n5,6',Run\n\"7,8\\n?,10\\n11,12\" , Stand\n");
  CHECK(set.channels == 3);
  CHECK(set.length == 2);
  CHECK(set.labels == std::vector<int32_t>{0, 1});
  const std::vector<float> first(set.row(0).begin(), set.row(0).end());
  CHECK(first == std::vector<float>{1, 3, 5, 2, 4, 6});
  CHECK(set.missing == 1);
}

TEST_CASE("arff: without a class") {
  const SeriesSet set = read("@relation X\n@attribute a numeric\n@attribute b integer\n@data\n1,2\n3,4\n");
  CHECK_FALSE(set.labelled());
  CHECK(set.values == std::vector<float>{1, 2, 3, 4});
}

TEST_CASE("arff: broken headers") {
  CHECK(contains(fault("@relation x\n"), "x.arff:2:1: expected @data, found the end of the file"));
  CHECK(contains(fault("@relation x\n@data\n1\n"), "expected numeric attributes before @data, found none"));
  CHECK(contains(fault("@attribute a string\n@data\n1\n"),
                 "x.arff:1:14: expected numeric, real, integer, relational"));
  CHECK(contains(fault("@attribute c {1,2}\n@attribute a numeric\n@data\n"),
                 "the class as the last attribute"));
  CHECK(contains(fault("@attribute c {1,,2}\n@data\n"), "x.arff:1:17: expected a class name, found \",\""));
  CHECK(contains(fault("@attribute c {1,2\n@data\n"),
                 "expected ',' or '}' in the class list, found the end of the line"));
  CHECK(contains(fault("@attribute 'c numeric\n@data\n"), "expected a closing quote on the same line"));
  CHECK(contains(fault("@attribute a numeric x\n@data\n"), "expected the end of the line"));
  CHECK(contains(fault("@attribute r relational\n@attribute a numeric\n@data\n"),
                 "expected @end r before @data"));
  CHECK(contains(fault("@attribute r relational\n@end q\n@data\n"), "x.arff:2:1: expected @end only with"));
  CHECK(
      contains(fault("@attribute a numeric\n@attribute r relational\n@data\n"), "one relational attribute"));
  CHECK(contains(fault("hello\n"), "x.arff:1:1: expected @relation, @attribute, @end, @data or a % comment"));
}

TEST_CASE("arff: broken rows") {
  CHECK(contains(fault(univariate + "1,2,10\n1,10\n"), "x.arff:10:5: expected ',' and the class"));
  CHECK(contains(fault(univariate + "1\n"), "x.arff:9:2: expected ',' and value 2 of 2 of dimension 1"));
  CHECK(
      contains(fault(univariate + "1,2,3,10\n"), "x.arff:9:5: expected one of the 3 classes of the header"));
  CHECK(contains(fault(univariate + "1,2,10,\n"),
                 "x.arff:9:7: expected the end of the row after 2 values and the class"));
  CHECK(contains(fault(univariate + "1,2,4\n"), "expected one of the 3 classes of the header, found \"4\""));
  CHECK(contains(fault(univariate + "1,2,?\n"), "expected a class label, found \"?\""));
  CHECK(contains(fault(univariate + "1,2,10,{3}\n"), "expected the end of the row"));
  CHECK(contains(fault(univariate + "{0 1,2 10}\n"), "sparse rows are not read"));
  CHECK(contains(fault(univariate), "expected at least one series"));
  CHECK(contains(fault(multivariate + "1,2,Run\n"), "x.arff:8:1: expected a quote before the dimensions"));
  CHECK(contains(fault(multivariate + "'1,2\\n3,Run\n"), "x.arff:8:9: expected a number, found \"Run\""));
  CHECK(contains(fault(multivariate + "'1,2\\n3',Run\n"), "value 2 of 2 of dimension 2"));
  CHECK(contains(fault(multivariate + "'1,2,3',Run\n"),
                 "x.arff:8:5: expected \\n or the closing quote after 2 values"));
  CHECK(contains(fault(multivariate + "'1,2\\n3,4',Run\n'1,2',Run\n"), "x.arff:9:6: expected 2 dimensions"));
  CHECK(contains(fault(multivariate + "'1,2\\"), "x.arff:8:5: expected"));
}
