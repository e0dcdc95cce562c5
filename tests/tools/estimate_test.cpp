// SPDX-License-Identifier: MIT
// mellow estimate: the fit of costs to times, and the program's answers.
#include "mellow/engine/core/error.h"
#include "mellow/tests/support/place.h"
#include "mellow/tools/estimate/cost_model.h"
#include "mellow/tools/estimate/work.h"

using namespace mellow;
using namespace mellow::test;
using namespace mellow::tools;

TEST_CASE("fit_costs finds the costs that made the times") {
  // Per pass, batch, series and step; every kind varies by itself somewhere.
  const Counts costs = {2e-3, 5e-4, 0, 1e-7};
  std::vector<Measurement> measured;
  for (const Counts& counts : std::vector<Counts>{{1, 1, 10, 1000},
                                                  {1, 3, 30, 1000},
                                                  {1, 7, 50, 1e5},
                                                  {2, 2, 1, 3e6},
                                                  {1, 2, 500, 1e7},
                                                  {1, 9, 9, 9}})
    measured.push_back({counts, seconds_of(costs, counts)});
  const Counts found = fit_costs(measured);
  REQUIRE(found.size() == 4);
  for (size_t k = 0; k < 4; ++k) CHECK(found[k] == doctest::Approx(costs[k]).epsilon(1e-6));
  CHECK(largest_error(found, measured) < 1e-6);
}

TEST_CASE("fit_costs gives no negative costs, and none to what was not measured") {
  // A line through these points would start below zero: the best one without starts at 0.
  const std::vector<Measurement> measured = {{{1, 1, 0}, 0.5}, {{1, 2, 0}, 2}, {{1, 4, 0}, 5}};
  const Counts found = fit_costs(measured);
  CHECK(found[0] == 0);
  CHECK(found[2] == 0);
  // min Σ (c · x / y - 1)² over x/y = 2, 1, 0.8: c = Σ r / Σ r².
  CHECK(found[1] == doctest::Approx(3.8 / (4 + 1 + 0.64)));
  CHECK(largest_error(found, measured) == doctest::Approx(1 - 0.8 * 3.8 / 5.64));
}

TEST_CASE("fit_costs refuses what cannot be fitted") {
  CHECK_THROWS_AS(fit_costs({}), Error);
  CHECK_THROWS_WITH_AS(fit_costs({{{1, 2}, 1}, {{1}, 1}}), doctest::Contains("same kinds"), Error);
  CHECK_THROWS_WITH_AS(fit_costs({{{1}, 0}}), doctest::Contains("positive"), Error);
  CHECK_THROWS_WITH_AS(fit_costs({{{1}, NAN}}), doctest::Contains("positive"), Error);
  CHECK_THROWS_WITH_AS(fit_costs({{Counts(9, 1.0), 1}}), doctest::Contains("kinds of work"), Error);
}

TEST_CASE("the work of a set is counted as the trainer does it") {
  const SetSize set = {"", 300, 10, 50, 3};
  CHECK(pass_counts(set.train, set, 128) == Counts{1, 3, 450, 300, 15000, 30000, 2 * (128 * 50 - 4096)});
  CHECK(pass_counts(set.test, set, 128) == Counts{1, 1, 150, 10, 500, 1000, 0});
  CHECK(evaluations_of(12, 5).test == 3 + 3);  // after epochs 5, 10, 12; two protocols; the predictions
  CHECK(evaluations_of(12, 5).train == 2);
  const Counts crops = pretraining_counts(set, 40, 8, 1);
  CHECK(crops[0] == 40);
  CHECK(crops[1] >= crops[2] * 2);                  // both views see at least what they share
  CHECK(crops[1] <= 40 * 8 * 50 * 2.0);             // and at most the whole series
  CHECK(crops[3] >= crops[2] * crops[2] / 40 / 8);  // a mean of squares is no less than the squared mean
}

TEST_CASE("estimate adds up the table") {
  const Place place;
  spill(place / "sets.csv", "name,train,test,length\nA,12,9,16\nB,40,20,24\n");
  const Words words = {"estimate",
                       "--models",
                       "mlp,inception-time-1",
                       "--sets",
                       place / "sets.csv",
                       "--batch-size",
                       "8",
                       "--epochs",
                       "10",
                       "--threads",
                       "1",
                       "--device",
                       "cpu",
                       "--json"};
  const Result result = place.run(words);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  const auto json = nlohmann::json::parse(result.out);
  CHECK(json["epochs"] == 10);
  CHECK(json["methods"] == 4);
  REQUIRE(json["datasets"].size() == 2);
  CHECK(json["datasets"][1]["name"] == "B");
  CHECK(json["datasets"][1]["length"] == 24);
  double models = 0, sets = 0;
  for (const char* name : {"mlp", "inception-time-1", "ts2vec"}) {
    const auto& row = json["models"][name];
    CHECK(row["training_hours"].get<double>() > 0);
    models += row["training_hours"].get<double>() + row["evaluation_hours"].get<double>();
  }
  for (const auto& set : json["datasets"]) sets += set["hours"].get<double>();
  CHECK(models == doctest::Approx(sets));
  CHECK(json["hours_one_at_a_time"].get<double>() == doctest::Approx(sets));
  CHECK(json["hours"].get<double>() == doctest::Approx(sets / json["jobs"].get<double>()));
  CHECK(contains(json["assumptions"].get<std::string>(), "CPU time"));
}

TEST_CASE("estimate --check trains what it predicted") {
  const Place place;
  const Result result =
      place.run({"estimate", "--check", "--data", place / "", "--models", "mlp", "--batch-size", "8",
                 "--epochs", "3", "--iterations", "1", "--threads", "1", "--device", "cpu"});
  CAPTURE(result.err);
  CHECK((result.code == 0 || result.code == 1));  // how near it comes is not this test's business
  CHECK(contains(result.out, "Tiny"));
  CHECK(contains(result.out, "mlp"));
  CHECK(contains(result.out, "ts2vec"));
  CHECK(contains(result.out, "of 2 within 20 %"));
}

TEST_CASE("estimate refuses wrong options before it measures") {
  const Place place;
  spill(place / "empty.csv", "name,train,test,length\n");
  spill(place / "half.csv", "name,train,test,length\nA,12.5,9,16\n");
  spill(place / "columns.csv", "name,train,length\nA,12,16\n");
  struct Wrong {
    Words options;
    std::string message;
  };
  const std::vector<Wrong> all = {{{"--models", "mlp,none"}, "none"},
                                  {{"--models", "mlp,mlp"}, "twice"},
                                  {{"--epochs", "0"}, "at least 1"},
                                  {{"--check"}, "--data"},
                                  {{"--check", "--json", "--data", place / ""}, "--json"},
                                  {{"--sets", place / "half.csv", "--data", place / ""}, "exclude"},
                                  {{"--dataset", "Tiny"}, "--data"},
                                  {{"--sets", place / "empty.csv"}, "no datasets"},
                                  {{"--sets", place / "half.csv"}, "whole number"},
                                  {{"--sets", place / "columns.csv"}, "test"},
                                  {{"--sets", place / "none.csv"}, "none.csv"}};
  for (const Wrong& wrong : all) {
    Words words = {"estimate", "--device", "cpu"};
    words.insert(words.end(), wrong.options.begin(), wrong.options.end());
    const Result result = place.run(words);
    CAPTURE(result.err);
    CHECK(result.code == 2);
    CHECK(contains(result.err, wrong.message));
  }
}
