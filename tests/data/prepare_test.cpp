// SPDX-License-Identifier: MIT
#include <cmath>
#include <functional>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "mellow/data/dataset.h"
#include "mellow/data/prepare.h"
#include "mellow/data/readers.h"
#include "mellow/data/writers.h"
#include "mellow/tests/support/files.h"

using namespace mellow;
using test::contains;
using test::message_of;

namespace {

SeriesSet tsv(const std::string& text) { return read_series(text, Format::tsv, "x.tsv"); }

std::vector<float> row(const SeriesSet& set, int64_t i) { return {set.row(i).begin(), set.row(i).end()}; }

}  // namespace

TEST_CASE("prepare: missing values are interpolated inside and held at the ends") {
  SeriesSet set = tsv("1\tNaN\t2\tNaN\tNaN\t8\tNaN\n2\t1\t2\t3\t4\t5\t6\n1\tNaN\tNaN\tNaN\tNaN\tNaN\tNaN\n");
  PrepareReport report;
  fill_missing(set, report);
  CHECK(row(set, 0) == std::vector<float>{2, 2, 4, 6, 8, 8});
  CHECK(row(set, 1) == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(row(set, 2) == std::vector<float>(6, 0.0f));
  CHECK(report.filled == 10);
  CHECK(report.empty == 1);
  CHECK(set.missing == 0);
}

TEST_CASE("prepare: padding is no missing value") {
  SeriesSet set = tsv("1\t1\t2\tNaN\n2\t3\t4\t5\n");
  PrepareReport report;
  fill_missing(set, report);
  CHECK(report.filled == 0);
  CHECK(std::isnan(set.row(0)[2]));
}

TEST_CASE("prepare: z-normalisation with the population std, per series") {
  SeriesSet set = tsv("1\t1\t3\n2\t10\t10\n");
  PrepareReport report;
  z_normalise(set, report);
  CHECK(row(set, 0) == std::vector<float>{-1, 1});
  CHECK(row(set, 1) == std::vector<float>{0, 0});
  CHECK(report.constant == 1);
}

// The mean of 0.1f, 0.1f, 0.1f in float64 is not exactly 0.1f; dividing the rest by a tiny std would make it
// large.
TEST_CASE("prepare: a constant series becomes zero") {
  SeriesSet set = tsv("1\t0.1\t0.1\t0.1\n2\t1e30\t1e30\t1e30\n");
  prepare_for_classifier(set);
  for (float v : set.values) CHECK(v == 0);
}

TEST_CASE("prepare: statistics over the valid part, then zeros") {
  SeriesSet set = tsv("1\t1\t3\tNaN\tNaN\n2\t1\t2\t3\t4\n1\tNaN\tNaN\tNaN\tNaN\n");
  const PrepareReport report = prepare_for_classifier(set);
  CHECK(row(set, 0) == std::vector<float>{-1, 1, 0, 0});
  CHECK(row(set, 2) == std::vector<float>{0, 0, 0, 0});
  CHECK(set.row(1)[0] == doctest::Approx(-1.5 / std::sqrt(1.25)));
  CHECK(report.padded == 2);
  CHECK(set.lengths == std::vector<int32_t>{2, 4, 0});
}

TEST_CASE("prepare: channels are normalised apart") {
  SeriesSet set = read_series("@univariate false\n@classLabel true 1\n@data\n1,3:100,?:1\n", Format::ts, "x");
  prepare_for_classifier(set);
  CHECK(row(set, 0) == std::vector<float>{-1, 0, 1, 0});
}

TEST_CASE("prepare: large values do not overflow the statistics") {
  SeriesSet set = tsv("1\t3e38\t-3e38\n2\t1e-38\t-1e-38\n");
  prepare_for_classifier(set);
  CHECK(row(set, 0) == std::vector<float>{1, -1});
  CHECK(row(set, 1) == std::vector<float>{1, -1});
}

TEST_CASE("prepare: TS2Vec's scale comes from all values of the training split") {
  const SeriesSet train = tsv("1\t1\tNaN\t3\n2\t5\t7\tNaN\n");
  const SeriesScale scale = nan_scale(train);
  CHECK(scale.mean == 4);
  CHECK(scale.std == doctest::Approx(std::sqrt(5.0)));
  SeriesSet test = tsv("1\t4\tNaN\t9\n");
  apply_scale(test, scale);
  CHECK(test.row(0)[0] == 0);
  CHECK(std::isnan(test.row(0)[1]));
  CHECK(test.row(0)[2] == doctest::Approx(5 / std::sqrt(5.0)));
  CHECK(nan_scale(tsv("1\t2\t2\n")).std == 1);
}

TEST_CASE("prepare: centring rotates a series into the middle") {
  SeriesSet set = tsv("1\t1\t2\tNaN\tNaN\tNaN\n2\t1\t2\t3\t4\t5\n1\tNaN\tNaN\tNaN\tNaN\tNaN\n");
  CHECK(needs_centring(set));
  centre(set);
  // prefix 0, suffix 3: right by floor(3 / 2) = 1.
  CHECK(std::isnan(set.row(0)[0]));
  CHECK(set.row(0)[1] == 1);
  CHECK(set.row(0)[2] == 2);
  CHECK(std::isnan(set.row(0)[3]));
  CHECK(row(set, 1) == std::vector<float>{1, 2, 3, 4, 5});
  CHECK(set.missing == 8);
  CHECK_FALSE(set.unequal);
  SeriesSet late = tsv("1\tNaN\tNaN\tNaN\t1\t2\n2\t1\t2\t3\t4\t5\n");
  centre(late);  // prefix 3, suffix 0: right by 1 - 3 = -2
  CHECK(late.row(0)[1] == 1);
  CHECK(late.row(0)[2] == 2);
  SeriesSet early = tsv("1\tNaN\t1\tNaN\tNaN\tNaN\tNaN\n2\t1\t2\t3\t4\t5\t6\n");
  centre(early);  // prefix 1, suffix 4: right by 2 - 1 = 1
  CHECK(early.row(0)[2] == 1);
  CHECK_FALSE(needs_centring(tsv("1\t1\tNaN\t2\n")));
}

// numpy.array_split(range(7), 3) is 3, 2, 2.
TEST_CASE("prepare: long series are cut into nearly equal parts") {
  const SeriesSet set = tsv("1\t1\t2\t3\t4\t5\t6\t7\n2\t8\t9\tNaN\t11\t12\t13\t14\n");
  const SeriesSet cut = cut_long(set, 2);
  CHECK(cut.series == 6);
  CHECK(cut.length == 3);
  CHECK(row(cut, 0) == std::vector<float>{1, 2, 3});
  CHECK(cut.row(2)[0] == 4);
  CHECK(cut.row(2)[1] == 5);
  CHECK(std::isnan(cut.row(2)[2]));
  CHECK(cut.row(5)[0] == 13);
  CHECK(cut.labels == std::vector<int32_t>{0, 1, 0, 1, 0, 1});
  CHECK(cut.missing == 5);
  CHECK(cut_long(set, 4).series == 2);  // 4 goes into 7 once
  CHECK_THROWS_AS(cut_long(set, 0), Error);
}

TEST_CASE("prepare: pretraining cuts, centres and leaves out what is empty") {
  SeriesSet set = tsv("1\t1\t2\tNaN\n2\tNaN\tNaN\tNaN\n");
  const SeriesSet ready = for_pretraining(set);
  CHECK(ready.series == 1);
  CHECK(ready.labels == std::vector<int32_t>{0});
  CHECK(ready.row(0)[0] == 1);  // prefix 0, suffix 1: right by 0
}

TEST_CASE("prepare: the sets stored raw") {
  CHECK(is_stored_raw("AllGestureWiimoteX"));
  CHECK(is_stored_raw("UMD"));
  CHECK_FALSE(is_stored_raw("GunPoint"));
  CHECK_FALSE(is_stored_raw("ACSF1"));
}

TEST_CASE("prepare: what cannot be trained on") {
  CHECK(contains(message_of([] { check_trainable(tsv("1\t1\n1\t2\n")); }),
                 "at least 2 classes, the set has only \"1\""));
  CHECK(contains(message_of([] { check_trainable(tsv("1\t1\t2\n2\t2\tNaN\n")); }),
                 "value nan in series 1, step 1"));
  CHECK(contains(
      message_of([] { check_trainable(read_series("1\n", Format::tsv, "x", {.label_column = false})); }),
      "needs class labels"));
  CHECK(message_of([] { check_trainable(tsv("1\t1\n2\t2\n")); }).empty());
}

TEST_CASE("prepare: a set made by hand whose parts do not fit is refused by all who take one") {
  const SeriesSet good = tsv("1\t1\t2\t3\n2\t4\t5\t6\n1\t7\t8\t9\n2\t1\t3\t2\n");
  CHECK_NOTHROW(check_consistent(good));
  CHECK_NOTHROW(check_consistent({}));
  const std::vector<std::pair<std::string, void (*)(SeriesSet&)>> damages = {
      {"4 series need as many lengths, got 0", [](SeriesSet& s) { s.lengths.clear(); }},
      {"lengths must lie in [0, 3], got 4", [](SeriesSet& s) { s.lengths[1] = 4; }},
      {"got -1", [](SeriesSet& s) { s.lengths[1] = -1; }},
      {"are 12 values, got 0", [](SeriesSet& s) { s.values.clear(); }},
      {"are 12 values, got 11", [](SeriesSet& s) { s.values.pop_back(); }},
      {"labels must lie in [0, 2)", [](SeriesSet& s) { s.labels[3] = 2; }},
      {"got -7", [](SeriesSet& s) { s.labels[3] = -7; }},
      {"4 series need as many labels, or none, got 3", [](SeriesSet& s) { s.labels.pop_back(); }},
      {"labels must lie in [0, 0)", [](SeriesSet& s) { s.class_names.clear(); }},
      {"at least 1", [](SeriesSet& s) { s.length = 0, s.values.clear(), s.lengths.assign(4, 0); }},
      {"cannot be", [](SeriesSet& s) { s.series = -4; }},
      {"cannot be", [](SeriesSet& s) { s.series = s.length = int64_t{1} << 40; }}};
  PrepareReport report;
  const std::vector<std::function<void(SeriesSet&)>> takers = {
      [&](SeriesSet& s) { fill_missing(s, report); },
      [&](SeriesSet& s) { z_normalise(s, report); },
      [&](SeriesSet& s) { pad_with_zeros(s, report); },
      [](SeriesSet& s) { prepare_for_classifier(s); },
      [](SeriesSet& s) { needs_centring(s); },
      [](SeriesSet& s) { centre(s); },
      [](SeriesSet& s) { cut_long(s, 1); },
      [](SeriesSet& s) { without_empty(s); },
      [](SeriesSet& s) { for_pretraining(s); },
      [](SeriesSet& s) { check_trainable(s); },
      [](SeriesSet& s) { select(s, {0}); },
      [](SeriesSet& s) { stratified_holdout(s, 0.5, 1); },
      [](SeriesSet& s) { write_series(s, Format::tsv); },
      [](SeriesSet& s) { write_series(s, Format::ts); },
      [](SeriesSet& s) { pad_with_nan(s, 5); }};
  for (const auto& [message, damage] : damages)
    for (size_t i = 0; i < takers.size(); ++i) {
      CAPTURE(message);
      CAPTURE(i);
      SeriesSet set = good;
      damage(set);
      CHECK(contains(message_of([&] { takers[i](set); }), message));
    }
}

TEST_CASE("holdout: every class in both parts, by the seed alone") {
  std::string text;
  for (int i = 0; i < 40; ++i) text += (i < 30 ? "1\t" : i < 38 ? "2\t" : "3\t") + std::to_string(i) + "\n";
  const SeriesSet set = tsv(text);
  const Holdout parts = stratified_holdout(set, 0.2, 7);
  std::vector<int> held(3);
  std::set<int64_t> all(parts.kept.begin(), parts.kept.end());
  for (int64_t i : parts.held_out) {
    ++held[static_cast<size_t>(set.labels[static_cast<size_t>(i)])];
    CHECK(all.insert(i).second);
  }
  CHECK(held == std::vector<int>{6, 2, 1});
  CHECK(all.size() == 40);
  CHECK(stratified_holdout(set, 0.2, 7).held_out == parts.held_out);
  CHECK(stratified_holdout(set, 0.2, 8).held_out != parts.held_out);
  const SeriesSet small = select(set, parts.held_out);
  CHECK(small.series == 9);
  CHECK(small.class_names == set.class_names);
  CHECK(small.values[0] == static_cast<float>(parts.held_out[0]));
  CHECK(small.labels.size() == 9);
}

// 2 of 10 are held out: over 2,000 seeds each series 400 times and each pair 44 times, give or take.
TEST_CASE("holdout: every series and pair is as likely as another") {
  std::string text;
  for (int i = 0; i < 10; ++i) text += "1\t0\n";
  const SeriesSet set = tsv(text);
  int single[10] = {}, pairs[10][10] = {};
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const auto held = stratified_holdout(set, 0.2, seed).held_out;
    REQUIRE(held.size() == 2);
    for (int64_t i : held) ++single[i];
    ++pairs[held[0]][held[1]];
  }
  for (int i = 0; i < 10; ++i) {
    CHECK(std::abs(single[i] - 400) < 80);
    for (int j = i + 1; j < 10; ++j) CHECK(std::abs(pairs[i][j] - 44) < 30);
  }
}

TEST_CASE("holdout: what cannot be split") {
  const SeriesSet set = tsv("1\t1\n1\t2\n2\t3\n");
  CHECK(contains(message_of([&] { stratified_holdout(set, 0.5, 1); }),
                 "class 2 has 1 series, a validation split needs 2"));
  CHECK(contains(message_of([&] { stratified_holdout(set, 1.0, 1); }), "between 0 and 1, got 1"));
  CHECK(contains(message_of([&] { select(set, {3}); }), "position 3 of 3 series"));
}
