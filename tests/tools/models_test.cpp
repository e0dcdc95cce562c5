// SPDX-License-Identifier: MIT
// Models with options and series of several channels, through the program.
#include <cmath>
#include <filesystem>
#include <random>
#include <sstream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "mellow/engine/io/safetensors.h"
#include "mellow/models/make_model.h"
#include "mellow/tests/support/files.h"
#include "mellow/tests/support/program.h"
#include "mellow/tests/support/shared_data.h"

using namespace mellow;
using namespace mellow::test;

namespace {

using Words = std::vector<std::string>;

// Two classes that differ in all of three channels, 17 steps; 11 series, so that the last batch is smaller.
void write_set(const std::string& path, unsigned seed) {
  std::mt19937 random(seed);
  std::ostringstream out;
  out << "@problemName Three\n@timeStamps false\n@univariate false\n@dimensions 3\n@equalLength true\n"
         "@seriesLength 17\n@classLabel true calm wild\n@data\n";
  for (int i = 0; i < 11; ++i) {
    for (int c = 0; c < 3; ++c)
      for (int t = 0; t < 17; ++t)
        out << std::sin((i % 2 + 1) * (c + 1) * t / 5.0) + static_cast<double>(random() % 1000) / 3000
            << (t < 16 ? ',' : ':');
    out << (i % 2 ? "wild" : "calm") << '\n';
  }
  spill(path, out.str());
}

struct Result {
  int code;
  std::string out, err;
};

class ThreeChannels {
 public:
  ThreeChannels() {
    write_set(folder_ / "train.ts", 1);
    write_set(folder_ / "test.ts", 2);
  }
  std::string operator/(std::string_view name) const { return folder_ / name; }
  Result run(const Words& words) const {
    Program program(folder_.path(), words);
    const int code = program.wait();
    return {code, program.out(), program.err()};
  }
  Result train(const std::string& run_name, const Words& more) const {
    Words words = {"train",    "--train", folder_ / "train.ts", "--test", folder_ / "test.ts",
                   "--device", "cpu",     "--threads",          "1",      "--batch-size",
                   "4",        "--out",   folder_ / run_name};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
  nlohmann::json record(const std::string& run_name) const {
    return nlohmann::json::parse(slurp(folder_ / (run_name + "/run.json")));
  }

 private:
  TempFolder folder_;
};

}  // namespace

TEST_CASE("every model trains on series of three channels and predicts them as it scored them") {
  const ThreeChannels place;
  for (const ModelEntry& entry : model_entries()) {
    CAPTURE(entry.name);
    const Result trained = place.train(entry.name, {"--model", entry.name, "--epochs", "2"});
    CAPTURE(trained.err);
    REQUIRE(trained.code == 0);
    const Result predicted = place.run(
        {"predict", place / entry.name, "--in", place / "test.ts", "--device", "cpu", "--threads", "1"});
    CAPTURE(predicted.err);
    REQUIRE(predicted.code == 0);
    // index,predicted,p_… of `predict` against index,label,predicted,p_… of the run.
    std::istringstream now(predicted.out), then(slurp(place / (entry.name + "/predictions.csv")));
    std::string a, b;
    int rows = 0;
    while (std::getline(now, a) && std::getline(then, b)) {
      CHECK(a.substr(a.find(',')) == b.substr(b.find(',', b.find(',') + 1)));
      ++rows;
    }
    CHECK(rows == 12);
  }
}

TEST_CASE("a model's options reach the network, the record, the weight file and whoever reads it") {
  const ThreeChannels place;
  const Result trained =
      place.train("run", {"--model", "lstm-fcn", "--cells", "64", "--lstm", "sequence", "--epochs", "2"});
  CAPTURE(trained.err);
  REQUIRE(trained.code == 0);
  CHECK(place.record("run")["options"]["model_options"] ==
        nlohmann::json({{"cells", "64"}, {"lstm", "sequence"}}));
  CHECK(place.record("run")["parameters"] == 264704 + 2 * 1024 + 4 * (64 * 3 + 64 * 64 + 128) + 192 * 2 + 2);
  NamedArrays file = read_safetensors(place / "run/model.safetensors");
  CHECK(file.metadata.at("cells") == "64");
  CHECK(file.metadata.at("lstm") == "sequence");
  CHECK(file.at("lstm.weight_ih_l0").shape == Shape{256, 3});
  const Words evaluate = {"evaluate", place / "run", "--in", place / "test.ts", "--device", "cpu"};
  CHECK(place.run(evaluate).code == 0);

  file.metadata.erase("xxh3_128");
  file.metadata["cells"] = "65";
  write_safetensors(place / "run/model.safetensors", file);
  const Result odd = place.run(evaluate);
  CHECK(odd.code == 2);
  CHECK(contains(odd.err, "model.safetensors: --cells of lstm-fcn must be one of 8, 64, 100, 128; got 65"));

  REQUIRE(place.train("plain", {"--model", "lstm-fcn", "--epochs", "1"}).code == 0);
  CHECK(place.record("plain")["options"]["model_options"] ==
        nlohmann::json({{"cells", "128"}, {"lstm", "shuffle"}}));
  const Result resumed =
      place.train("plain", {"--model", "lstm-fcn", "--cells", "8", "--epochs", "1", "--resume"});
  CHECK(resumed.code == 2);
}

TEST_CASE("options that the model lacks, and unknown values, are wrong usage") {
  const ThreeChannels place;
  const Result lacking = place.train("run", {"--model", "fcn", "--cells", "64"});
  CHECK(lacking.code == 2);
  CHECK(contains(lacking.err, "model fcn has no option --cells; models that have it: lstm-fcn"));
  const Result unknown = place.train("run", {"--model", "lstm-fcn", "--cells", "65"});
  CHECK(unknown.code == 2);
  CHECK(contains(unknown.err, "one of 8, 64, 100, 128"));
  CHECK(!std::filesystem::exists(place / "run"));
  // Of several models, those that have it get it; one at least must.
  CHECK(place.train("runs", {"--model", "mlp,lstm-fcn", "--cells", "8", "--epochs", "1"}).code == 0);
  CHECK(place.train("none", {"--model", "mlp,fcn", "--cells", "8", "--epochs", "1"}).code == 2);
  const Result list = place.run({"train", "--list-models"});
  CHECK(contains(list.out, "--cells 128 (8, 64, 100, 128)"));
  CHECK(contains(list.out, "--lstm shuffle (shuffle, sequence)"));
  CHECK(contains(place.run({"train", "--help"}).out, "--cells"));
}

TEST_CASE("no option of a model is also one of a method") {
  const ThreeChannels place;
  const std::string methods = place.run({"train", "--list-methods"}).out;
  for (const ModelEntry& entry : model_entries())
    for (const ModelOption& option : entry.options) CHECK(!contains(methods, "--" + option.name + " "));
}

TEST_CASE("genuine series of several channels train") {
  const auto folder = shared_data("uea");
  if (!folder) return;
  const ThreeChannels place;
  for (const char* dataset : {"BasicMotions", "RacketSports"})
    for (const Words& model : {Words{"lstm-fcn"}, Words{"lstm-fcn", "--lstm", "sequence", "--cells", "8"},
                               Words{"mlp"}, Words{"inception-time-1"}}) {
      CAPTURE(dataset);
      CAPTURE(model.size());
      CAPTURE(model[0]);
      Words words = {"train",    "--data",      *folder,           "--dataset", dataset,
                     "--epochs", "30",          "--batch-size",    "16",        "--evaluate-every",
                     "30",       "--out",       place / "genuine", "--device",  "cpu",
                     "--quiet",  "--overwrite", "--model"};
      words.insert(words.end(), model.begin(), model.end());
      const Result result = place.run(words);
      CAPTURE(result.err);
      REQUIRE(result.code == 0);
      const auto record = place.record("genuine");
      CHECK(record["data"]["channels"] == 6);
      CHECK(record["results"]["last"]["accuracy"] > 0.5);
    }
}
