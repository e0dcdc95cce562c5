// SPDX-License-Identifier: MIT
// What is typed: numbers, empty values, config files, help, options without effect, and where results go.
#include <fcntl.h>
#include <unistd.h>

#include "mellow/tests/support/place.h"

using namespace mellow;
using namespace mellow::test;
namespace fs = std::filesystem;

TEST_CASE("every command of a command has help") {
  const Place place;
  const std::pair<const char*, const char*> all[] = {
      {"data", "list"},     {"data", "info"},           {"data", "check"},        {"data", "convert"},
      {"data", "generate"}, {"study", "ils-synthetic"}, {"study", "soft-labels"}, {"study", "rsls-readings"}};
  for (const auto& [command, sub] : all)
    for (const char* flag : {"--help", "-h"}) {
      const Result help = place.run({command, sub, flag});
      CAPTURE(sub);
      CHECK(help.code == 0);
      CHECK(contains(help.out, std::string("mellow ") + command + " " + sub));
      CHECK(contains(help.out, "Example: "));
    }
}

TEST_CASE("whole numbers are decimal, whole and within their range") {
  const Place place;
  REQUIRE(place.train("run", {"--model", "mlp", "--epochs", "010", "--seed", "010"}).code == 0);
  CHECK(record_of(place / "run")["options"]["epochs"] == 10);
  CHECK(record_of(place / "run")["options"]["seed"] == 10);
  for (const char* seed : {"10", "010"})
    REQUIRE(place.run({"data", "generate", "cbf", "--seed", seed, "--out", place / seed}).code == 0);
  CHECK(slurp(place / "10/CBF/CBF_TRAIN.tsv") == slurp(place / "010/CBF/CBF_TRAIN.tsv"));
  for (const char* wrong : {"9223372036854775808", "0x10", "1e3", "+5", "5 ", "-1", "2.0"}) {
    CAPTURE(wrong);
    const Result result = place.train("wrong", {"--epochs", wrong});
    CHECK(result.code == 2);
    CHECK(contains(result.err, "--epochs"));
  }
  const Result threads = place.train("wrong", {"--threads", "4294967296"});
  CHECK(threads.code == 2);
  CHECK(contains(threads.err, "--threads"));
  for (const char* wrong : {"-1", "18446744073709551616", "99999999999999999999999", "x", "1.5"}) {
    CAPTURE(wrong);
    const Result result = place.run({"data", "generate", "cbf", "--seed", wrong, "--out", place / "wrong"});
    CHECK(result.code == 2);
    CHECK(contains(result.err, "--seed"));
    CHECK(place.train("wrong", {"--seed", wrong}).code == 2);
  }
  CHECK(contains(place.train("wrong", {"--seed", "1,01"}).err, "twice"));
  CHECK(!fs::exists(place / "wrong"));
}

TEST_CASE("an empty value is an error that names the option") {
  const Place place;
  const Words all[] = {{"--out=", "--resume"}, {"--out", ""},    {"--encoder", ""},
                       {"--cache="},           {"--config", ""}, {"--config="}};
  for (const Words& words : all) {
    CAPTURE(words[0]);
    const Result result = place.train("run", words);
    CHECK(result.code == 2);
    CHECK(contains(result.err, words[0].substr(0, words[0].find('=')) + " is empty"));
  }
  CHECK(!fs::exists("--resume"));
  spill(place / "run.toml", "out = \"\"\n");
  CHECK(contains(place.train("run", {"--config", place / "run.toml"}).err, "--out is empty"));
}

TEST_CASE("one config file; keys are suggested that a file can hold") {
  const Place place;
  spill(place / "run.toml", "epochs = 2\n");
  const Result twice =
      place.train("run", {"--config", place / "run.toml", "--config=" + (place / "missing.toml")});
  CHECK(twice.code == 2);
  CHECK(contains(twice.err, "--config is given more than once"));
  spill(place / "wrong.toml", "held = 2\n");
  const Result wrong = place.train("run", {"--config", place / "wrong.toml"});
  CHECK(wrong.code == 2);
  CHECK(contains(wrong.err, "unknown key held"));
  CHECK(!contains(wrong.err, "mean help"));
}

TEST_CASE("options without effect are refused") {
  const Place place;
  const Words all[] = {
      {"--encoder", "e.safetensors"}, {"--pretrain-iterations", "5"}, {"--cache", "c"}, {"--no-cache"},
      {"--enc-norm", "zscore"},       {"--pretrain-batch", "4"}};
  for (const Words& words : all) {
    CAPTURE(words[0]);
    const Result result = place.train("run", words);
    CHECK(result.code == 2);
    CHECK(contains(result.err, words[0] + " has no effect"));
  }
  CHECK(!fs::exists(place / "run"));
  const Words labels = {"labels", "--data", place / "", "--dataset", "Tiny", "--source", "raw"};
  Words model = labels, cache = labels;
  model.insert(model.end(), {"--model", "nope"});
  cache.insert(cache.end(), {"--no-cache"});
  CHECK(contains(place.run(model).err, "nope"));
  CHECK(contains(place.run(cache).err, "--no-cache has no effect"));
}

TEST_CASE("results that do not get to stdout are an error") {
  const Place place;
  REQUIRE(place.train("run", {"--model", "mlp", "--epochs", "2"}).code == 0);
  const auto exit_code = [&](const std::string& to) {
    const std::string command = std::string(MELLOW_PROGRAM) + " evaluate " + (place / "run") + " --in " +
                                (place / "Tiny/Tiny_TEST.tsv") + " --json " + to + " 2> " + (place / "err");
    return std::system(command.c_str()) / 256;
  };
  CHECK(exit_code("> /dev/null") == 0);
  CHECK(exit_code("> /dev/full") == 1);
  CHECK(contains(slurp(place / "err"), "stdout"));
  CHECK(exit_code(">&-") == 1);
  CHECK(contains(slurp(place / "err"), "stdout"));
}
