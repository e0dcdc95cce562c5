// SPDX-License-Identifier: MIT
// mellow study soft-labels and rsls-readings: the table is what its trainings say.
#include <map>

#include "mellow/engine/io/csv.h"
#include "mellow/tests/support/place.h"

using namespace mellow;
using namespace mellow::test;
namespace fs = std::filesystem;

namespace {

using Key = std::vector<std::string>;

// accuracy by dataset, model, method, seed, protocol.
std::map<Key, double> runs_of(const std::string& folder) {
  const CsvTable table = parse_csv(slurp(folder + "/runs.csv"), "runs.csv");
  std::map<Key, double> runs;
  for (size_t r = 0; r < table.rows.size(); ++r)
    runs[Key(table.rows[r].begin(), table.rows[r].begin() + 5)] = table.number(r, table.column("accuracy"));
  return runs;
}

double mean_over_seeds(const std::map<Key, double>& runs, const Key& key) {
  Key second = key;
  second[3] = "1";
  return (runs.at(key) + runs.at(second)) / 2;
}

}  // namespace

TEST_CASE("study rsls-readings: means, standard errors and ranks from its own trainings; goes on") {
  const Place place;
  fs::create_directories(place / "Other");
  for (const char* part : {"TRAIN", "TEST"})
    fs::copy_file(place / (std::string("Tiny/Tiny_") + part + ".tsv"),
                  place / (std::string("Other/Other_") + part + ".tsv"));
  const Words words = {"study",   "rsls-readings", "--data",   place / "", "--sets", "Tiny,Other",
                       "--seeds", "0..1",          "--epochs", "5",        "--out",  place / "table"};
  const Result result = place.run(words);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  const auto runs = runs_of(place / "table");
  CHECK(runs.size() == 2 * 2 * 7 * 2 * 3);  // sets, models, readings, seeds, protocols
  const std::string text = slurp(place / "table/table.csv");
  const CsvTable table = parse_csv(text, "table.csv");
  CHECK(table.rows.size() == 2 * 7 * 3);
  double ranks = 0;
  for (size_t r = 0; r < table.rows.size(); ++r) {
    const auto &protocol = table.rows[r][0], &model = table.rows[r][1], &method = table.rows[r][2];
    const auto of = [&](const char* set, const char* seed) {
      return runs.at({set, model, method, seed, protocol});
    };
    const double first = (of("Tiny", "0") + of("Other", "0")) / 2,
                 second = (of("Tiny", "1") + of("Other", "1")) / 2;
    CHECK(table.number(r, 3) == doctest::Approx((first + second) / 2));
    CHECK(table.number(r, 4) == doctest::Approx(std::abs(first - second) / 2));
    double rank = 0;
    for (const char* set : {"Tiny", "Other"}) {
      const double mine = mean_over_seeds(runs, {set, model, method, "0", protocol});
      double better = 0, alike = 0;
      for (size_t other = 0; other < table.rows.size(); ++other) {
        if (table.rows[other][0] != protocol || table.rows[other][1] != model) continue;
        const double theirs = mean_over_seeds(runs, {set, model, table.rows[other][2], "0", protocol});
        better += theirs > mine;
        alike += theirs == mine;
      }
      rank += (better + (alike + 1) / 2) / 2;
    }
    CHECK(table.number(r, 5) == doctest::Approx(rank));
    ranks += rank;
  }
  CHECK(ranks == doctest::Approx(6 * 28));  // 1 + … + 7 in each of 2 models x 3 protocols
  CHECK(!fs::exists(place / "table/Tiny-inception-time-1-hard-s0/checkpoint.safetensors"));
  const Result again = place.run(words);
  CHECK(again.code == 0);
  CHECK(contains(again.err, "finished before"));
  CHECK(slurp(place / "table/table.csv") == text);
  // Another reading trains something else.
  const auto options = record_of(place / "table/Tiny-inception-time-2-normalised-tau2-off-s1")["options"];
  CHECK(options["method_options"]["labels"] == "normalised");
  CHECK(options["method_options"]["tau2"] == "off");
}

TEST_CASE("study soft-labels: six models by five methods") {
  const Place place;
  const Result result =
      place.run({"study", "soft-labels", "--data", place / "", "--sets", "Tiny", "--seeds", "0", "--epochs",
                 "1", "--batch-size", "12", "--out", place / "table", "--quiet"});
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  const CsvTable table = parse_csv(slurp(place / "table/table.csv"), "table.csv");
  CHECK(table.rows.size() == 6 * 5 * 2);  // one epoch has no fifth: two protocols
  CHECK(record_of(place / "table/Tiny-lstm-fcn-rsls-raw-s0")["options"]["method_options"]["source"] == "raw");
  CHECK(place.run({"study", "soft-labels", "--data", place / "", "--sets", "Tiny,Tiny"}).code == 2);
  CHECK(place.run({"study"}).code == 2);
}
