// SPDX-License-Identifier: MIT
// mellow train with lists of datasets, models, methods and seeds, and ensembles.

#include "mellow/engine/io/csv.h"
#include "mellow/tests/support/place.h"

using namespace mellow;
using namespace mellow::test;
namespace fs = std::filesystem;

namespace {

// The column p_<class> number `column` of predictions.csv.
std::vector<double> column_of(const std::string& run, size_t column) {
  std::istringstream lines(slurp(run + "/predictions.csv"));
  std::vector<double> values;
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string field;
    for (size_t i = 0; i <= column; ++i) std::getline(fields, field, ',');
    values.push_back(std::stod(field));
  }
  return values;
}

}  // namespace

TEST_CASE("lists ask for every combination, each in its own folder, with the bytes of single runs") {
  const Place place;
  const Words options = {"--epochs", "4", "--method", "hard,ls", "--seed", "3..4", "--epsilon", "0.3"};
  Words together = options;
  together.insert(together.end(), {"--jobs", "2"});
  const Result result = place.train("many", together);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK(contains(result.err, "4 trainings, 2 at a time"));
  for (const char* method : {"hard", "ls"})
    for (const char* seed : {"3", "4"}) {
      const std::string name = std::string("Tiny-inception-time-1-") + method + "-s" + seed;
      CAPTURE(name);
      Words alone = {"--epochs", "4", "--method", method, "--seed", seed};
      if (method == std::string("ls")) alone.insert(alone.end(), {"--epsilon", "0.3"});
      REQUIRE(place.train(name, alone).code == 0);
      check_same_results(place / name, place / ("many/" + name));
    }
  CHECK(record_of(place / "many/Tiny-inception-time-1-ls-s3")["options"]["method_options"]["epsilon"] == 0.3);
  const std::string summary = slurp(place / "many/summary.csv");
  CHECK(contains(summary, "Tiny,inception-time-1,ls,4,best_train_loss,"));
  // Again: refused run by run; with --resume found finished.
  CHECK(place.train("many", options).code == 1);
  Words resumed = options;
  resumed.push_back("--resume");
  const Result again = place.train("many", resumed);
  CHECK(again.code == 0);
  CHECK(contains(again.err, "finished before"));
  CHECK(slurp(place / "many/summary.csv") == summary);
}

TEST_CASE("a run that fails does not stop the others, and the program says so") {
  const Place place;
  const Result result = place.train("many", {"--epochs", "2", "--dataset", "Tiny,Missing"});
  CHECK(result.code == 1);
  CHECK(contains(result.out, "Missing"));
  CHECK(contains(result.out, "failed"));
  CHECK(record_of(place / "many/Tiny-inception-time-1-hard-s0")["status"] == "finished");
}

TEST_CASE("summary.csv has every finished run of the folder, whichever command trained it") {
  const Place place;
  const Words seeds = {"--model", "mlp", "--epochs", "2", "--seed"};
  const auto train = [&](const std::string& list) {
    Words words = seeds;
    words.push_back(list);
    return place.train("many", words);
  };
  REQUIRE(train("0..1").code == 0);
  REQUIRE(train("2,10").code == 0);
  CHECK(train("1,3").code == 1);  // seed 1 is refused, but counts
  const std::string summary = slurp(place / "many/summary.csv");
  size_t before = 0;
  for (const char* seed : {"0", "1", "2", "3", "10"}) {
    const size_t at = summary.find(std::string("Tiny,mlp,hard,") + seed + ",last,");
    CAPTURE(seed);
    REQUIRE(at != std::string::npos);
    CHECK(at > before);
    before = at;
  }
}

TEST_CASE("a sweep in which every run fails says why") {
  const Place place;
  const Result result = place.train("many", {"--dataset", "Missing,Lost"});
  CHECK(result.code == 1);
  CHECK(contains(result.out, "no dataset Missing"));
  CHECK(contains(result.out, "no dataset Lost"));
  CHECK(!contains(result.err, "summary.csv"));
}

TEST_CASE("an ensemble that fails does not stop the others; all are in the summary") {
  const Place place;
  const Result result = place.train(
      "many", {"--dataset", "Missing,Tiny", "--model", "mlp", "--epochs", "2", "--ensemble", "2"});
  CHECK(result.code == 1);
  CHECK(contains(result.out, "no dataset Missing"));
  CHECK(contains(slurp(place / "many/summary.csv"), "Tiny,mlp,hard,0,best_train_loss,,"));
  const Result alone = place.train("alone", {"--model", "mlp", "--epochs", "2", "--ensemble", "2"});
  CHECK(contains(alone.out, "-"));
  CHECK(!contains(alone.out, "\""));
}

TEST_CASE("runs at the same time that want one encoder pretrain it once") {
  const Place place;
  REQUIRE(place
              .train("many", {"--model", "mlp,fcn", "--method", "rsls", "--epochs", "2", "--jobs", "2",
                              "--pretrain-iterations", "20"})
              .code == 0);
  const auto reused = [&](const std::string& model) {
    return record_of(place / ("many/Tiny-" + model + "-rsls-s0"))["encoder"]["reused"].get<bool>();
  };
  CHECK(reused("mlp") != reused("fcn"));
}

TEST_CASE("wrong lists are refused before anything runs") {
  const Place place;
  struct Wrong {
    Words options;
    std::string message;
  };
  const std::vector<Wrong> all = {
      {{"--seed", "0,,1"}, "between commas"},
      {{"--seed", "2..1"}, "low to high"},
      // The largest seeds there are: the range ends, and the next mistake is found.
      {{"--seed", "18446744073709551614..18446744073709551615", "--method", "none"}, "known are"},
      {{"--seed", "one"}, "whole numbers"},
      {{"--seed", "1,1"}, "twice"},
      {{"--method", "hard,softest"}, "softest"},
      {{"--method", "hard,ls", "--tau", "2"}, "--tau"},
      {{"--method", "hard,kd"}, "--teacher"},
  };
  for (const Wrong& wrong : all) {
    const Result result = place.train("wrong", wrong.options);
    CAPTURE(wrong.message);
    CHECK(result.code == 2);
    CHECK(contains(result.err, wrong.message));
    CHECK(!fs::exists(place / "wrong"));
  }
}

TEST_CASE("an interrupt saves all runs, and resuming gives the bytes of an undisturbed command") {
  const Place place;
  const Words options = {"--epochs", "400", "--method", "hard,ls", "--jobs", "2", "--evaluate-every", "100"};
  REQUIRE(place.train("whole", options).code == 0);
  {
    Program program(place / "", place.training("parts", options));
    REQUIRE(appears(place / "parts/Tiny-inception-time-1-hard-s0/metrics.csv"));
    program.signal(SIGINT);
    const int code = program.wait();
    CHECK((code == 130 || code == 0));
    if (code == 130) CHECK(contains(program.err(), "--resume"));
  }
  Words resumed = options;
  resumed.push_back("--resume");
  REQUIRE(place.train("parts", resumed).code == 0);
  for (const char* method : {"hard", "ls"}) {
    const std::string name = std::string("/Tiny-inception-time-1-") + method + "-s0";
    check_same_results(place / ("whole" + name), place / ("parts" + name));
  }
}

TEST_CASE("an ensemble averages the probabilities of its networks") {
  const Place place;
  const Words options = {"--epochs", "6", "--ensemble", "3", "--seed", "5"};
  const Result result = place.train("ensemble", options);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  REQUIRE(place.train("alone", {"--epochs", "6", "--seed", "6"}).code == 0);
  check_same_results(place / "alone", place / "ensemble/member-2");
  for (size_t column = 3; column < 6; ++column) {
    const auto mean = column_of(place / "ensemble", column);
    std::vector<double> expected(mean.size(), 0.0);
    for (const char* member : {"ensemble/member-1", "ensemble/member-2", "ensemble/member-3"}) {
      const auto p = column_of(place / member, column);
      for (size_t i = 0; i < p.size(); ++i) expected[i] += p[i] / 3;
    }
    REQUIRE(mean.size() == 9);
    for (size_t i = 0; i < mean.size(); ++i) CHECK(mean[i] == doctest::Approx(expected[i]).epsilon(1e-6));
  }
  const auto record = record_of(place / "ensemble");
  CHECK(record["members"] == 3);
  CHECK(record["options"]["ensemble"] == 3);
  // evaluate and predict take its folder.
  const Result scores =
      place.run({"evaluate", place / "ensemble", "--in", place / "Tiny/Tiny_TEST.tsv", "--json"});
  REQUIRE(scores.code == 0);
  CHECK(nlohmann::json::parse(scores.out)["accuracy"] == record["results"]["best_train_loss"]["accuracy"]);
  CHECK(place.run({"predict", place / "ensemble", "--in", place / "Tiny/Tiny_TEST.tsv"}).code == 0);
  CHECK(contains(
      place.run({"evaluate", place / "ensemble", "--in", place / "Tiny/Tiny_TEST.tsv", "--features"}).err,
      "ensemble"));
  CHECK(place.train("ensemble", options).code == 2);
  CHECK(place.train("ensemble", {"--epochs", "6", "--ensemble", "3", "--seed", "5", "--resume"}).code == 0);
}
