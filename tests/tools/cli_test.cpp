// SPDX-License-Identifier: MIT
#include <cmath>
#include <filesystem>
#include <sstream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "mellow/engine/io/csv.h"
#include "mellow/engine/io/safetensors.h"
#include "mellow/tests/support/place.h"

using namespace mellow;
using namespace mellow::test;
namespace fs = std::filesystem;

TEST_CASE("mellow train writes the run directory") {
  const Place place;
  const Result result = place.train("run", {"--epochs", "12"});
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK(contains(result.out, "chosen on test data"));
  const auto record = record_of(place / "run");
  CHECK(record["status"] == "finished");
  CHECK(record["options"]["epochs"] == 12);
  CHECK(record["selected"] == "best_train_loss");
  CHECK(record["results"]["best_test_at_5"]["selected_on_test"] == true);
  CHECK(!record["results"]["last"].contains("selected_on_test"));
  CHECK(record["results"]["last"]["epoch"] == 12);
  CHECK(!record["results"].contains("best_validation"));
  const CsvTable metrics = parse_csv(slurp(place / "run/metrics.csv"), "metrics");
  REQUIRE(metrics.rows.size() == 3);  // epochs 5, 10 and the last
  CHECK(metrics.number(2, metrics.column("epoch")) == 12);
  const CsvTable predictions = parse_csv(slurp(place / "run/predictions.csv"), "predictions");
  CHECK(predictions.names == Words{"index", "label", "predicted", "p_1", "p_2", "p_3"});
  CHECK(predictions.rows.size() == 9);
  const auto model = read_safetensors(place / "run/model.safetensors");
  CHECK(model.metadata.at("model") == "inception-time-1");
  CHECK(model.metadata.at("class_names") == R"(["1","2","3"])");
  CHECK(model.metadata.at("depth") == "1");
  CHECK(model.metadata.at("length") == "16");
  CHECK(fs::exists(place / "run/checkpoint.safetensors"));
}

TEST_CASE("evaluate and predict use what training saved") {
  const Place place;
  REQUIRE(place.train("run", {"--epochs", "20", "--val", "holdout:0.25"}).code == 0);
  const auto record = record_of(place / "run");
  CHECK(record["selected"] == "best_validation");
  CHECK(record["data"]["validation_series"] == 3);
  const Result scores = place.run({"evaluate", place / "run", "--device", "cpu", "--threads", "1", "--in",
                                   place / "Tiny/Tiny_TEST.tsv", "--json"});
  REQUIRE(scores.code == 0);
  const auto json = nlohmann::json::parse(scores.out);
  CHECK(json["accuracy"] == record["results"]["best_validation"]["accuracy"]);
  CHECK(json["nll"] == record["results"]["best_validation"]["nll"]);

  // Rows in, rows out: with labels, without them, and from stdin; all as in predictions.csv.
  const std::string labelled = slurp(place / "Tiny/Tiny_TEST.tsv");
  std::string unlabelled;
  std::istringstream lines(labelled);
  for (std::string line; std::getline(lines, line);) unlabelled += line.substr(line.find('\t') + 1) + '\n';
  const Words stdin_words = {
      "predict", place / "run/model.safetensors", "--device", "cpu", "--threads", "1", "--format", "tsv"};
  const Result a = place.run(stdin_words, labelled), b = place.run(stdin_words, unlabelled);
  REQUIRE(a.code == 0);
  CHECK(a.out == b.out);
  const CsvTable mine = parse_csv(a.out, "predict"),
                 saved = parse_csv(slurp(place / "run/predictions.csv"), "run");
  CHECK(mine.names == Words{"index", "predicted", "p_1", "p_2", "p_3"});
  REQUIRE(mine.rows.size() == saved.rows.size());
  for (size_t i = 0; i < mine.rows.size(); ++i)
    for (const char* column : {"index", "predicted", "p_1", "p_2", "p_3"})
      CHECK(mine.rows[i][mine.column(column)] == saved.rows[i][saved.column(column)]);
}

TEST_CASE("evaluate: temperature, features, reliability and confusion") {
  const Place place;
  REQUIRE(place.train("plain", {"--epochs", "2"}).code == 0);
  REQUIRE(place.train("run", {"--epochs", "20", "--val", "holdout:0.25"}).code == 0);
  const auto words = [&](const std::string& run, const Words& more) {
    Words all = {"evaluate",  place / run, "--device", "cpu",
                 "--threads", "1",         "--in",     place / "Tiny/Tiny_TEST.tsv"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const Result result = place.run(words("run", {"--json", "--features", "--reliability", place / "bins.csv",
                                                "--confusion", place / "confusion.csv"}));
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  const auto scores = nlohmann::json::parse(result.out);
  const auto kept = record_of(place / "run")["results"]["best_validation"];
  CHECK(scores["temperature"] == kept["temperature"]);
  CHECK(scores["temperature_scaled"] == kept["temperature_scaled"]);
  CHECK(scores["temperature_scaled"]["accuracy"] == scores["accuracy"]);
  CHECK(scores["temperature_scaled"]["nll"] != scores["nll"]);
  CHECK(scores["instability"] == kept["instability"]);
  CHECK(kept["train"]["instability"] >= 0);
  CHECK(kept["train"]["accuracy"] >= 0.5);
  CHECK(scores["features"]["silhouette"] <= 1);
  CHECK(scores["features"]["intra_distance"] > 0);

  const CsvTable bins = parse_csv(slurp(place / "bins.csv"), "bins");
  CHECK(bins.names == Words{"low", "high", "count", "confidence", "accuracy", "scaled_count",
                            "scaled_confidence", "scaled_accuracy"});
  REQUIRE(bins.rows.size() == 15);
  double series = 0, scaled = 0, gap = 0;
  for (size_t n = 0; n < 15; ++n) {
    series += bins.number(n, 2);
    scaled += bins.number(n, 5);
    if (bins.number(n, 2) > 0) gap += bins.number(n, 2) / 9 * std::abs(bins.number(n, 4) - bins.number(n, 3));
  }
  CHECK(series == 9);
  CHECK(scaled == 9);
  CHECK(gap == doctest::Approx(scores["ece"].get<double>()).epsilon(1e-9));

  const CsvTable confusion = parse_csv(slurp(place / "confusion.csv"), "confusion");
  CHECK(confusion.names == Words{"label", "predicted_1", "predicted_2", "predicted_3"});
  double hits = 0;
  for (size_t k = 0; k < 3; ++k) hits += confusion.number(k, k + 1);
  CHECK(hits / 9 == doctest::Approx(scores["accuracy"].get<double>()));

  // The table has both columns; a run without validation has one, and bins without the scaled ones.
  CHECK(contains(place.run(words("run", {})).out, "T = "));
  const Result plain = place.run(words("plain", {"--reliability", "-"}));
  REQUIRE(plain.code == 0);
  CHECK(contains(plain.out, "low,high,count,confidence,accuracy\n"));
  CHECK(!contains(plain.out, "T = "));
  CHECK(!record_of(place / "plain")["results"]["last"].contains("temperature"));
}

TEST_CASE("predict --temperature-scaled sharpens or softens, and needs a temperature") {
  const Place place;
  REQUIRE(place.train("plain", {"--epochs", "2"}).code == 0);
  REQUIRE(place.train("run", {"--epochs", "20", "--val", "holdout:0.25"}).code == 0);
  const auto predict = [&](const std::string& model, const Words& more) {
    Words words = {"predict",   model, "--device", "cpu",
                   "--threads", "1",   "--in",     place / "Tiny/Tiny_TEST.tsv"};
    words.insert(words.end(), more.begin(), more.end());
    return place.run(words);
  };
  const CsvTable plain = parse_csv(predict(place / "run", {}).out, "plain"),
                 scaled = parse_csv(predict(place / "run", {"--temperature-scaled"}).out, "scaled");
  const double temperature = record_of(place / "run")["results"]["best_validation"]["temperature"];
  for (size_t i = 0; i < plain.rows.size(); ++i)  // log-odds shrink by the temperature
    CHECK(std::log(plain.number(i, 2) / plain.number(i, 3)) / temperature ==
          doctest::Approx(std::log(scaled.number(i, 2) / scaled.number(i, 3))).epsilon(1e-4));

  const Result refused = predict(place / "plain", {"--temperature-scaled"});
  CHECK(refused.code == 2);
  CHECK(contains(refused.err, "--val"));
  NamedArrays file = read_safetensors(place / "run/model.safetensors");
  file.metadata.erase("xxh3_128");
  for (const char* bad : {"0", "-1", "nan", "inf", "1x", ""}) {
    CAPTURE(bad);
    file.metadata["temperature"] = bad;
    write_safetensors(place / "bad.safetensors", file);
    const Result result = predict(place / "bad.safetensors", {});
    CHECK(result.code == 2);
    CHECK(contains(result.err, "temperature"));
  }
}

TEST_CASE("a second method takes the encoder from the cache") {
  const Place place;
  const Words rsls = {"--epochs", "2", "--method", "rsls", "--pretrain-iterations", "2"};
  const Result first = place.train("first", rsls);
  CAPTURE(first.err);
  REQUIRE(first.code == 0);
  CHECK(contains(first.err, "pretraining"));
  Words other = rsls;
  other.insert(other.end(), {"--labels", "normalised"});
  const Result second = place.train("second", other);
  REQUIRE(second.code == 0);
  CHECK(contains(second.err, "reused"));
  CHECK(!contains(second.err, "pretraining"));
  CHECK(slurp(place / "first/encoder.safetensors") == slurp(place / "second/encoder.safetensors"));
  const CsvTable labels = parse_csv(slurp(place / "second/soft_labels.csv"), "labels");
  CHECK(labels.names == Words{"index", "label", "q_1", "q_2", "q_3"});
  REQUIRE(labels.rows.size() == 12);
  CHECK(labels.number(0, 2) == doctest::Approx(0.5));
  CHECK(record_of(place / "second")["method"]["max_distance_from_uniform"] > 0.1);

  // A damaged cache file is trained again; --no-cache gives the same encoder.
  for (const auto& entry : fs::directory_iterator(place / "cache/mellow")) spill(entry.path(), "damaged");
  CHECK(contains(place.train("third", rsls).err, "pretraining"));
  Words uncached = rsls;
  uncached.push_back("--no-cache");
  REQUIRE(place.train("fourth", uncached).code == 0);
  for (const char* run : {"third", "fourth"})
    for (const char* name : {"/encoder.safetensors", "/soft_labels.csv", "/model.safetensors"})
      CHECK(slurp((place / run) + name) == slurp((place / "first") + name));
}

TEST_CASE("encoders and labels on their own") {
  const Place place;
  const Words data = {"--data", place / "", "--dataset", "Tiny", "--device", "cpu", "--threads", "1"};
  const auto with = [&](Words words) {
    words.insert(words.end(), data.begin(), data.end());
    return place.run(words);
  };
  REQUIRE(with({"pretrain", "--pretrain-iterations", "2", "--out", place / "e.safetensors"}).code == 0);
  CHECK(read_safetensors(place / "e.safetensors").metadata.at("model") == "ts2vec");
  REQUIRE(place
              .run({"encode", "--device", "cpu", "--encoder", place / "e.safetensors", "--in",
                    place / "Tiny/Tiny_TEST.tsv", "--out", place / "r.csv"})
              .code == 0);
  const CsvTable table = parse_csv(slurp(place / "r.csv"), "r.csv");
  CHECK(table.names.size() == 320);
  CHECK(table.names[319] == "r319");
  CHECK(table.rows.size() == 9);
  const Result labels = with({"labels", "--encoder", place / "e.safetensors", "--out", place / "l.csv"});
  CHECK(labels.code == 0);
  CHECK(contains(labels.err, "distance from uniform"));
  CHECK(with({"labels", "--source", "raw", "--out", place / "raw.csv"}).code == 0);
  CHECK(slurp(place / "raw.csv") != slurp(place / "l.csv"));
}

TEST_CASE("wrong usage says what is right and exits with 2") {
  const Place place;
  struct Wrong {
    Words options;
    const char* hint;
  };
  const Wrong all[] = {{{"--epoch", "5"}, "--epochs"},
                       {{"--epochs", "0"}, "at least 1"},
                       {{"--lr", "fast"}, "(0, 10]"},
                       {{"--method", "soft"}, "known are"},
                       {{"--model", "fcm"}, "known are"},
                       {{"--epsilon", "0.1"}, "ls"},
                       {{"--method", "ls", "--epsilon", "2"}, "[0, 1]"},
                       {{"--schedule", "warm"}, "plateau"},
                       {{"--val", "0.2"}, "holdout:0.2"},
                       {{"--select", "best-validation"}, "--val"},
                       {{"--resume", "--overwrite"}, "exclude"},
                       {{"--dataset", "Tinny"}, "Tiny"},
                       {{"--train", "x.tsv"}, "--dataset"},
                       {{"more"}, "more"}};
  for (const Wrong& wrong : all) {
    const Result result = place.train("wrong", wrong.options);
    CAPTURE(wrong.options[0]);
    CAPTURE(result.err);
    CHECK(result.code == 2);
    CHECK(contains(result.err, wrong.hint));
    CHECK(contains(result.err, "mellow: "));
    CHECK(!fs::exists(place / "wrong"));
  }
  CHECK(place.run({}).code == 2);
  CHECK(contains(place.run({"trian"}).err, "did you mean train"));
  CHECK(place.run({"data", "check", place / "Tiny/Tiny_TEST.tsv"}).code == 0);
  spill(place / "broken.tsv", "1\t2\tx\n");
  CHECK(place.run({"data", "check", place / "broken.tsv"}).code == 2);
  CHECK(place.run({"data", "list", "--data", place / "none"}).code == 2);
  const Result missing = place.run({"data", "convert", place / "none.tsv", place / "out.ts"});
  CHECK(missing.code == 2);
  CHECK(contains(missing.err, "none.tsv: No such file"));
}

TEST_CASE("every command has help with an example") {
  const Place place;
  for (const char* command :
       {"train", "pretrain", "encode", "labels", "evaluate", "predict", "data", "info"}) {
    const Result help = place.run({command, "--help"});
    CHECK(help.code == 0);
    CHECK(contains(help.out, std::string("Example: mellow ") + command));
  }
  // What must fit a screen: 40 lines of 100 columns.
  std::istringstream help(place.run({"train", "--help"}).out),
      list(place.run({"train", "--list-methods"}).out);
  int lines = 0;
  for (std::string line; std::getline(help, line); ++lines) CHECK(line.size() <= 100);
  CHECK(lines <= 40);
  for (std::string line; std::getline(list, line);) CHECK(line.size() <= 100);
  CHECK(place.run({"info"}).code == 0);
  CHECK(contains(place.run({"data", "check", "--help"}).out, "files FILE ... REQUIRED"));
  CHECK(contains(place.run({"train", "--list-methods"}).out, "--epsilon"));
  CHECK(contains(place.run({"train", "--list-models"}).out, "inception-time-3"));
}

TEST_CASE("--config gives options, the command line wins, unknown keys are refused") {
  const Place place;
  spill(place / "run.toml", "epochs = 3\nlr = 0.01\nmethod = \"ls\"\nepsilon = 0.2\nquiet = true\n");
  const Result result = place.train("run", {"--lr", "0.02", "--config", place / "run.toml"});
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK(result.err.empty());
  const auto options = record_of(place / "run")["options"];
  CHECK(options["epochs"] == 3);
  CHECK(options["lr"] == 0.02);
  CHECK(options["method_options"]["epsilon"] == 0.2);
  spill(place / "wrong.toml", "epochs = 3\n\nepsilom = 0.2\n");
  const Result wrong = place.train("other", {"--config", place / "wrong.toml"});
  CHECK(wrong.code == 2);
  CHECK(contains(wrong.err, "wrong.toml:3: unknown key epsilom; did you mean epsilon?"));
}

TEST_CASE("a run directory is kept unless told otherwise") {
  const Place place;
  REQUIRE(place.train("run", {"--epochs", "2"}).code == 0);
  const std::string before = slurp(place / "run/run.json");
  const Result again = place.train("run", {"--epochs", "3"});
  CHECK(again.code == 2);
  CHECK(contains(again.err, "--overwrite"));
  const Result other = place.train("run", {"--epochs", "3", "--resume"});
  CHECK(other.code == 2);
  CHECK(contains(other.err, "options.epochs was 2, is 3"));
  CHECK(slurp(place / "run/run.json") == before);
  CHECK(place.train("run", {"--epochs", "2", "--resume"}).code == 0);  // finished: nothing to do
  CHECK(slurp(place / "run/run.json") == before);
  CHECK(place.train("run", {"--epochs", "3", "--overwrite"}).code == 0);
  CHECK(record_of(place / "run")["options"]["epochs"] == 3);
}

TEST_CASE("same seed, same bytes; another seed, others") {
  const Place place;
  const Words options = {"--epochs", "8", "--method", "rsls", "--pretrain-iterations", "2", "--no-cache"};
  REQUIRE(place.train("a", options).code == 0);
  REQUIRE(place.train("b", options).code == 0);
  check_same_results(place / "a", place / "b");
  for (const char* name : {"encoder.safetensors", "soft_labels.csv"})
    CHECK(slurp(place / (std::string("a/") + name)) == slurp(place / (std::string("b/") + name)));
  Words other = options;
  other.insert(other.end(), {"--seed", "1"});
  REQUIRE(place.train("c", other).code == 0);
  CHECK(slurp(place / "a/model.safetensors") != slurp(place / "c/model.safetensors"));
}

TEST_CASE("labels of the test split change nothing that is trained") {
  Place place;
  const Words options = {"--epochs", "10", "--select", "best-train-loss"};
  REQUIRE(place.train("a", options).code == 0);
  place.write("TEST", 9, 1);
  REQUIRE(place.train("b", options).code == 0);
  CHECK(slurp(place / "a/model.safetensors") == slurp(place / "b/model.safetensors"));
  CHECK(slurp(place / "a/predictions.csv") != slurp(place / "b/predictions.csv"));
}
