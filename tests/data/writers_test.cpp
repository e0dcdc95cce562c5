// SPDX-License-Identifier: MIT
#include <bit>
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include "mellow/data/writers.h"
#include "mellow/engine/core/random.h"
#include "mellow/tests/data/format_seeds.h"
#include "mellow/tests/support/files.h"

using namespace mellow;
using test::contains;
using test::message_of;

namespace {

void check_same(const SeriesSet& a, const SeriesSet& b) {
  REQUIRE(a.values.size() == b.values.size());
  for (size_t i = 0; i < a.values.size(); ++i)
    REQUIRE(std::bit_cast<uint32_t>(a.values[i]) == std::bit_cast<uint32_t>(b.values[i]));
  CHECK(a.series == b.series);
  CHECK(a.length == b.length);
  CHECK(a.channels == b.channels);
  CHECK(a.lengths == b.lengths);
  CHECK(a.labels == b.labels);
  CHECK(a.class_names == b.class_names);
  CHECK(a.missing == b.missing);
  CHECK(a.unequal == b.unequal);
}

void check_round_trip(const SeriesSet& set, Format format) {
  const std::string text = write_series(set, format);
  CAPTURE(text);
  check_same(read_series(text, format, "x", {.label_column = set.labelled()}), set);
}

}  // namespace

TEST_CASE("writers: what was read from any format reads back the same") {
  for (const auto& seeds : format_seeds())
    for (const auto& file : seeds.files) {
      CAPTURE(file);
      const SeriesSet set = read_series(file, seeds.format, "x");
      check_round_trip(set, Format::ts);
      // .tsv has no way to say that NaN at the end is missing when nothing else is.
      if (set.channels == 1 && seeds.format != Format::ts)
        for (Format format : {Format::tsv, Format::csv, Format::txt}) check_round_trip(set, format);
    }
}

TEST_CASE("writers: any float32 survives") {
  SeriesSet set;
  set.name = "x";
  set.series = 40;
  set.length = 50;
  set.channels = 1;
  set.lengths.assign(40, 50);
  set.class_names = {"-3", "0.5", "12"};
  for (int i = 0; i < 40; ++i) set.labels.push_back(i % 3);
  for (uint64_t i = 0; i < 2000; ++i) {
    const float v = std::bit_cast<float>(random_words(5, RandomStream::test, 0, i)[0]);
    set.values.push_back(v - v == 0 ? v : std::numeric_limits<float>::denorm_min());
  }
  set.values[1] = -0.0f;
  set.values[2] = std::numeric_limits<float>::max();
  for (Format format : {Format::tsv, Format::csv, Format::txt, Format::ts}) check_round_trip(set, format);
}

TEST_CASE("writers: what a format cannot hold") {
  SeriesSet set = read_series("@univariate false\n@classLabel true a\n@data\n1:2:a\n", Format::ts, "x");
  CHECK(contains(message_of([&] { write_series(set, Format::tsv); }), "x has 2 channels"));
  CHECK(contains(message_of([&] { write_series(set, Format::arff); }), "write .ts"));
  set = read_series("@attribute t numeric\n@attribute c {'a b'}\n@data\n1,'a b'\n", Format::arff, "x");
  CHECK(contains(message_of([&] { write_series(set, Format::tsv); }), "class name \"a b\""));
  CHECK(contains(message_of([&] { write_series(set, Format::ts); }), "class name \"a b\""));
}
