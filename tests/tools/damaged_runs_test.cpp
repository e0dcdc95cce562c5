// SPDX-License-Identifier: MIT
// Runs that diverged, run directories that are damaged, and what --overwrite and --resume make of them.
#include <csignal>

#include "mellow/engine/io/safetensors.h"
#include "mellow/tests/support/place.h"

using namespace mellow;
using namespace mellow::test;
namespace fs = std::filesystem;

namespace {

// Training that overflows: scores are no numbers from the first epoch on.
const Words diverging = {"--model", "resnet18", "--epochs", "1", "--lr", "10"};

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Result evaluate(const Place& place, const std::string& run) {
  return place.run({"evaluate", place / run, "--in", place / "Tiny/Tiny_TEST.tsv", "--json", "--device",
                    "cpu", "--threads", "1"});
}

}  // namespace

TEST_CASE("--overwrite leaves no network of an older ensemble and no teacher behind") {
  const Place place;
  const Words mlp = {"--model", "mlp", "--epochs", "2"};
  REQUIRE(place.train("run", with(mlp, {"--ensemble", "3"})).code == 0);
  spill(place / "run/member-3/notes.txt", "mine");
  REQUIRE(place.train("run", with(mlp, {"--ensemble", "2", "--overwrite"})).code == 0);
  CHECK(fs::exists(place / "run/member-2/model.safetensors"));
  CHECK(!fs::exists(place / "run/member-3/model.safetensors"));
  CHECK(slurp(place / "run/member-3/notes.txt") == "mine");
  REQUIRE(place.train("run", with(mlp, {"--method", "tfkd-self", "--overwrite"})).code == 0);
  CHECK(!fs::exists(place / "run/member-1"));
  CHECK(fs::exists(place / "run/teacher/run.json"));
  REQUIRE(place.train("run", with(mlp, {"--seed", "7", "--overwrite"})).code == 0);
  CHECK(!fs::exists(place / "run/teacher"));
  REQUIRE(place.train("alone", with(mlp, {"--seed", "7"})).code == 0);
  CHECK(evaluate(place, "run").out == evaluate(place, "alone").out);
}

TEST_CASE("an ensemble has the networks its run.json names") {
  const Place place;
  REQUIRE(place.train("run", {"--model", "mlp", "--epochs", "2", "--ensemble", "2"}).code == 0);
  const std::string before = evaluate(place, "run").out;
  REQUIRE(place.train("other", {"--model", "mlp", "--epochs", "9", "--seed", "5"}).code == 0);
  fs::copy(place / "other", place / "run/member-3", fs::copy_options::recursive);
  CHECK(evaluate(place, "run").out == before);
  fs::copy(place / "run/member-1", place / "other/member-1", fs::copy_options::recursive);
  CHECK(!contains(evaluate(place, "other").err, "ensemble"));
  // One that is not finished says so.
  auto record = record_of(place / "run");
  record.erase("members");
  record["status"] = "running";
  spill(place / "run/run.json", record.dump());
  const Result unfinished = evaluate(place, "run");
  CHECK(unfinished.code == 2);
  CHECK(contains(unfinished.err, "--resume"));
}

TEST_CASE("--overwrite removes nothing before the inputs are known to be good") {
  const Place place;
  const Words mlp = {"--model", "mlp", "--epochs", "2"};
  REQUIRE(place.train("run", mlp).code == 0);
  REQUIRE(place
              .run({"pretrain", "--data", place / "", "--dataset", "Tiny", "--pretrain-iterations", "2",
                    "--device", "cpu", "--out", place / "run/encoder.safetensors"})
              .code == 0);
  struct Wrong {
    Words options;
    const char* hint;
  };
  const Wrong all[] = {{{"--method", "kd", "--teacher", place / "run"}, "clears"},
                       {{"--method", "kd", "--teacher", place / "run/../run/model.safetensors"}, "clears"},
                       {{"--method", "rsls", "--encoder", place / "run/encoder.safetensors"}, "clears"},
                       {{"--method", "rsls", "--encoder", place / "Tiny/Tiny_TEST.tsv"}, "Tiny_TEST.tsv"},
                       {{"--method", "kd", "--teacher", place / "Tiny/Tiny_TEST.tsv"}, "Tiny_TEST.tsv"}};
  for (const Wrong& wrong : all)
    for (const Words& more : {Words{}, Words{"--ensemble", "2"}}) {
      const Result result = place.train("run", with(with(mlp, wrong.options), with(more, {"--overwrite"})));
      CAPTURE(result.err);
      CHECK(result.code == 2);
      CHECK(contains(result.err, wrong.hint));
      CHECK(record_of(place / "run")["status"] == "finished");
      CHECK(fs::exists(place / "run/model.safetensors"));
      CHECK(fs::exists(place / "run/encoder.safetensors"));
    }
  // Of several runs, one may hold another's teacher.
  REQUIRE(place.train("many", with(mlp, {"--method", "hard,ls"})).code == 0);
  const std::string teacher = place / "many/Tiny-mlp-hard-s0";
  CHECK(place.train("many", with(mlp, {"--method", "hard,kd", "--teacher", teacher, "--overwrite"})).code ==
        2);
  CHECK(fs::exists(teacher + "/model.safetensors"));
}

TEST_CASE("scores that are no numbers are written as nan, said, and read back") {
  const Place place;
  const Result result = place.train("run", diverging);
  REQUIRE(result.code == 0);
  CHECK(contains(result.err, "9 of 9 series are not numbers"));
  CHECK(contains(result.out, " nan"));
  CHECK(record_of(place / "run")["undefined_predictions"] == 9);
  CHECK(record_of(place / "run")["results"]["last"]["nll"].is_null());
  for (const char* name : {"/predictions.csv", "/metrics.csv"}) {
    CHECK(contains(slurp((place / "run") + name), "nan"));
    CHECK(!contains(slurp((place / "run") + name), "-nan"));
  }
  CHECK(contains(evaluate(place, "run").err, "9 of 9 series are not numbers"));

  Words lists = diverging;
  lists[1] = "resnet18,mlp";
  const Result many = place.train("many", lists);
  CHECK(many.code == 0);
  const std::string summary = slurp(place / "many/summary.csv");
  CHECK(contains(summary, "resnet18,hard,0,last,1,"));
  CHECK(contains(summary, ",nan,"));
  CHECK(!contains(summary, "-nan"));
  const Result again = place.train("many", with(lists, {"--resume"}));
  CHECK(again.code == 0);
  CHECK(again.out == many.out);
  CHECK(!contains(again.err, " left"));  // nothing was trained, so nothing is known of how long it takes
  CHECK(slurp(place / "many/summary.csv") == summary);
}

TEST_CASE("a validation loss that was never a number leaves the last weights") {
  const Place place;
  const Result result = place.train("run", with(diverging, {"--val", "holdout:0.25"}));
  CAPTURE(result.err);
  CHECK(result.code == 0);
  CHECK(contains(result.err, "validation loss was never a number"));
  CHECK(record_of(place / "run")["selected"] == "last");
  CHECK(fs::exists(place / "run/model.safetensors"));
}

TEST_CASE("a damaged run.json is an error that names the file") {
  const Place place;
  const Words lists = {"--model", "mlp", "--epochs", "2", "--seed", "0..1"};
  REQUIRE(place.train("many", lists).code == 0);
  const std::string run = place / "many/Tiny-mlp-hard-s0";
  const auto whole = nlohmann::ordered_json::parse(slurp(run + "/run.json"));  // keeps the order of keys
  const auto damaged = [&](auto&& damage) {
    auto record = whole;
    damage(record);
    spill(run + "/run.json", record.dump());
    const Result result = place.train("many", with(lists, {"--resume"}));
    CAPTURE(result.out);
    CHECK(result.code == 1);
    CHECK(contains(result.out, "Tiny-mlp-hard-s0/run.json is damaged"));
    CHECK(contains(slurp(place / "many/summary.csv"), ",1,last,"));  // the other seed's
  };
  damaged([](auto& record) { record.erase("results"); });
  damaged([](auto& record) { record["status"] = 5; });
  damaged([](auto& record) { record["results"]["last"]["nll"] = "low"; });
  damaged([](auto& record) { record["results"]["last"].erase("accuracy"); });
  damaged([](auto& record) { record["selected"] = "best"; });
  damaged([](auto& record) { record = 3; });
}

TEST_CASE("a finished run whose model is gone is made whole by --resume") {
  const Place place;
  const Words options = {"--model", "mlp", "--epochs", "3"};
  REQUIRE(place.train("run", options).code == 0);
  const std::string model = slurp(place / "run/model.safetensors");
  fs::remove(place / "run/model.safetensors");
  REQUIRE(place.train("run", with(options, {"--resume"})).code == 0);
  CHECK(slurp(place / "run/model.safetensors") == model);
  const Words ensemble = with(options, {"--ensemble", "2"});
  REQUIRE(place.train("ensemble", ensemble).code == 0);
  fs::remove(place / "ensemble/member-1/model.safetensors");
  REQUIRE(place.train("ensemble", with(ensemble, {"--resume"})).code == 0);
  CHECK(slurp(place / "ensemble/member-1/model.safetensors") == model);
}

TEST_CASE("a weight file that asks for what mellow does not have is refused") {
  const Place place;
  REQUIRE(place.train("run", {"--model", "mlp", "--epochs", "1"}).code == 0);
  REQUIRE(place
              .run({"pretrain", "--data", place / "", "--dataset", "Tiny", "--pretrain-iterations", "1",
                    "--out", place / "e", "--device", "cpu"})
              .code == 0);
  const auto refused = [&](const std::string& path, const std::string& key, const Words& command) {
    NamedArrays file = read_safetensors(path);
    file.metadata.erase("xxh3_128");
    file.metadata[key] = "other";
    write_safetensors(path, file);
    const Result result = place.run(with(command, {"--in", place / "Tiny/Tiny_TEST.tsv", "--device", "cpu"}));
    CAPTURE(result.err);
    CHECK(result.code == 2);
    CHECK(contains(result.err, "metadata " + key + " must be one of"));
  };
  refused(place / "run/model.safetensors", "norm", {"evaluate", place / "run"});
  refused(place / "e", "normalisation", {"encode", "--encoder", place / "e"});
}

TEST_CASE("a path that is no UTF-8 holds a run like any other") {
  const Place place;
  const Words options = {"--model", "mlp", "--epochs", "2"};
  const std::string name = "caf\xe9";
  const Result result = place.train(name, options);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK(record_of(place / name)["status"] == "finished");
  CHECK(place.train(name, with(options, {"--resume"})).code == 0);
}

TEST_CASE("an interrupted ensemble says so") {
  const Place place;
  Program program(place / "", place.training("run", {"--epochs", "100000", "--ensemble", "2"}));
  REQUIRE(is_under_way(place / "run/member-1"));
  program.signal(SIGINT);
  CHECK(program.wait() == 130);
  CHECK(record_of(place / "run")["status"] == "interrupted");
}
