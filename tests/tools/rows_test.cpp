// SPDX-License-Identifier: MIT
// What becomes of a series depends on the training data alone, not on the rows beside it in a file.
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "mellow/engine/io/csv.h"
#include "mellow/engine/io/safetensors.h"
#include "mellow/tests/support/place.h"

using namespace mellow;
using namespace mellow::test;

namespace {

// The lines of a split with the values `from` … `to` (from 0) of line `line` missing.
std::string with_gap(const std::string& lines, int line, int from, int to) {
  std::istringstream in(lines);
  std::string out;
  int at = 0;
  for (std::string text; std::getline(in, text); ++at) {
    std::istringstream fields(text);
    int field = -1;  // the label
    for (std::string value; std::getline(fields, value, '\t'); ++field)
      out += (field < 0 ? "" : "\t") + (at == line && from <= field && field <= to ? "NaN" : value);
    out += '\n';
  }
  return out;
}

std::string row(const std::string& csv, int line) {
  std::istringstream in(csv);
  std::string text;
  for (int i = -1; i <= line; ++i) std::getline(in, text);
  return text.substr(text.find(','));  // without its index
}

Words job(Words words) {
  words.insert(words.end(), {"--threads", "1", "--device", "cpu"});
  return words;
}

}  // namespace

TEST_CASE("rows: NaN at the end means in prediction what it meant in training") {
  for (const bool missing : {true, false}) {
    CAPTURE(missing);
    const Place place;
    const std::string train = place / "Tiny/Tiny_TRAIN.tsv", test = place / "Tiny/Tiny_TEST.tsv";
    spill(train, with_gap(slurp(train), 0, missing ? 5 : 12, missing ? 6 : 15));
    spill(test, with_gap(slurp(test), 1, 10, 15));
    REQUIRE(place.train("run", {"--model", "mlp", "--epochs", "2"}).code == 0);
    CHECK(read_safetensors(place / "run/model.safetensors").metadata.at("trailing_nan") ==
          (missing ? "missing" : "padding"));
    const Result scores = place.run(job({"evaluate", place / "run", "--in", test, "--json"}));
    REQUIRE(scores.code == 0);
    const auto mine = nlohmann::json::parse(scores.out);
    const auto saved = record_of(place / "run")["results"]["last"];
    for (const char* score : {"accuracy", "nll", "brier"})
      CHECK(mine.at(score).get<double>() == doctest::Approx(saved.at(score).get<double>()).epsilon(1e-6));
    // A row says the same beside others and alone.
    spill(place / "beside.tsv", with_gap(slurp(test), 0, 3, 3));
    const Result all = place.run(job({"predict", place / "run", "--in", place / "beside.tsv"}));
    const std::string saved_rows = slurp(place / "run/predictions.csv");
    for (int i = 1; i < 9; ++i) CHECK(contains(row(saved_rows, i), row(all.out, i)));
  }
}

TEST_CASE("rows: encode pads as training did") {
  const Place place;
  const std::string head = "@equalLength false\n@classLabel true 1 2\n@data\n";
  spill(place / "A_TRAIN.ts", head + "1,2,3,1,2:1\n2,1,4,1:2\n1,3,3:1\n4,1,1,2,1:2\n");
  spill(place / "A_TEST.ts", head + "1,2,3,1,2,2,2,1:1\n");
  spill(place / "one.ts", head + "1,3,3:1\n");
  const Words pretrain = {"pretrain", "--train",   place / "A_TRAIN.ts",    "--test", place / "A_TEST.ts",
                          "--out",    place / "e", "--pretrain-iterations", "2"};
  REQUIRE(place.run(job(pretrain)).code == 0);
  CHECK(read_safetensors(place / "e").metadata.at("length") == "8");
  const auto encoded = [&](const std::string& file) {
    const Result result = place.run(job({"encode", "--encoder", place / "e", "--in", file}));
    REQUIRE(result.code == 0);
    return parse_csv(result.out, "encode").rows;
  };
  const auto all = encoded(place / "A_TRAIN.ts"), one = encoded(place / "one.ts");
  CHECK(all.at(2) == one.at(0));
}

TEST_CASE("rows: soft labels name the rows of the training file") {
  const Place place;
  const Result result = place.train("run", {"--model", "mlp", "--epochs", "1", "--method", "rsls", "--source",
                                            "raw", "--val", "holdout:0.25"});
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  const CsvTable labels = parse_csv(slurp(place / "run/soft_labels.csv"), "labels");
  CHECK(labels.rows.size() == 9);
  int last = -1;
  for (const auto& fields : labels.rows) {
    const int index = std::stoi(fields[0]);
    CHECK(index > last);
    CHECK(fields[1] == std::to_string(index % 3 + 1));  // Place's labels
    last = index;
  }
  CHECK(last > 8);  // of 12, three held out
}
