// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "mellow/data/dataset.h"
#include "mellow/data/prepare.h"
#include "mellow/data/readers.h"
#include "mellow/data/writers.h"
#include "mellow/engine/core/error.h"
#include "mellow/tests/support/files.h"
#include "mellow/tests/support/shared_data.h"

using namespace mellow;
using test::contains;
using test::message_of;
namespace fs = std::filesystem;

namespace {

// One row of specs/ucr128.csv.
struct Archive {
  std::string name, flags;
  int64_t train, test, classes, length;
};

std::vector<Archive> archive(const std::string& table) {
  std::vector<Archive> rows;
  std::ifstream in(table);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::vector<std::string> cells;
    std::stringstream cut(line);
    for (std::string cell; std::getline(cut, cell, ',');) cells.push_back(cell);
    rows.push_back({cells[0], cells[6], std::stoll(cells[2]), std::stoll(cells[3]), std::stoll(cells[4]),
                    std::stoll(cells[5])});
  }
  return rows;
}

}  // namespace

TEST_CASE("genuine: every UCR set has the sizes of the archive's table") {
  const auto folder = shared_data("ucr"), table = shared_data("specs/ucr128.csv");
  if (!folder || !table) return;
  int read = 0;
  for (const auto& row : archive(*table)) {
    const bool raw = row.flags.find('Z') != std::string::npos;
    CHECK_MESSAGE(is_stored_raw(row.name) == raw, row.name);
    if (!fs::exists(fs::path(*folder) / row.name)) continue;
    CAPTURE(row.name);
    SplitPair pair = read_dataset(*folder, row.name);
    ++read;
    CHECK(pair.train.series == row.train);
    CHECK(pair.test.series == row.test);
    CHECK(static_cast<int64_t>(pair.train.class_names.size()) == row.classes);
    // The table gives PLAID's longest series; its rows have one column more, NaN everywhere.
    CHECK(pair.train.length == row.length + (row.name == "PLAID"));
    CHECK(pair.test.length == pair.train.length);
    CHECK(pair.train.unequal == (row.flags.find('V') != std::string::npos));
    CHECK((pair.train.missing + pair.test.missing > 0) == (row.flags.find('M') != std::string::npos));
    prepare_for_classifier(pair.train);
    check_trainable(pair.train);
  }
  MESSAGE("read " << read << " UCR sets");
  CHECK(list_datasets(*folder).size() == static_cast<size_t>(read));
}

TEST_CASE("genuine: the adjusted copies are rectangular") {
  const auto folder = shared_data("ucr-adjusted");
  if (!folder) return;
  for (const auto& files : list_datasets(*folder)) {
    CAPTURE(files.name);
    const SplitPair pair = read_splits(files.train, files.test);
    CHECK_FALSE(pair.train.unequal);
    CHECK(pair.train.missing == 0);
    CHECK(pair.test.missing == 0);
  }
}

TEST_CASE("genuine: UEA sets") {
  const auto folder = shared_data("uea");
  if (!folder) return;
  struct Expected {
    const char* name;
    int64_t train, test, channels, length, classes;
    bool unequal;
  };
  for (const Expected& e :
       {Expected{"AtrialFibrillation", 15, 15, 2, 640, 3, false},
        Expected{"BasicMotions", 40, 40, 6, 100, 4, false}, Expected{"ERing", 30, 270, 4, 65, 6, false},
        Expected{"Epilepsy", 137, 138, 3, 206, 4, false},
        Expected{"JapaneseVowels", 270, 370, 12, 29, 9, true}, Expected{"Libras", 180, 180, 2, 45, 15, false},
        Expected{"PenDigits", 7494, 3498, 2, 8, 10, false},
        Expected{"RacketSports", 151, 152, 6, 30, 4, false}}) {
    if (!fs::exists(fs::path(*folder) / e.name)) continue;
    CAPTURE(e.name);
    const SplitPair pair = read_dataset(*folder, e.name);
    CHECK(pair.train.series == e.train);
    CHECK(pair.test.series == e.test);
    CHECK(pair.train.channels == e.channels);
    CHECK(pair.train.length == e.length);
    CHECK(pair.test.length == e.length);
    CHECK(static_cast<int64_t>(pair.train.class_names.size()) == e.classes);
    CHECK(pair.train.unequal == e.unequal);
    const SeriesSet again = read_series(write_series(pair.test, Format::ts), Format::ts, "again");
    CHECK(again.labels == pair.test.labels);
    CHECK(again.lengths == pair.test.lengths);
    REQUIRE(again.values.size() == pair.test.values.size());
    CHECK(std::equal(again.values.begin(), again.values.end(), pair.test.values.begin(),
                     [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }));
  }
}

// Regression and forecasting files are told apart; all others are read.
TEST_CASE("genuine: files of other tools") {
  const auto folder = shared_data("formats");
  if (!folder) return;
  int read = 0, refused = 0;
  for (const auto& entry : fs::recursive_directory_iterator(*folder)) {
    const std::string path = entry.path().string(), ending = entry.path().extension().string();
    if (!entry.is_regular_file() || path.find("SOURCES") != std::string::npos) continue;
    CAPTURE(path);
    bool regression = ending == ".tsf";
    for (const char* name : {"CardanoSentiment", "Covid3Month_T", "Tecator"})
      regression = regression || path.find(name) != std::string::npos;
    const std::string message = message_of([&] { read_series(path); });
    if (regression) {
      CHECK(contains(message, ending == ".tsf" ? "forecasting" : "regression"));
      ++refused;
    } else {
      CHECK(message.empty());
      ++read;
    }
  }
  MESSAGE("read " << read << " files, refused " << refused);
}

TEST_CASE("genuine: the same set in four formats holds the same values") {
  const auto folder = shared_data("formats/aeon");
  if (!folder) return;
  for (const std::string name : {"GunPoint/GunPoint_TRAIN", "ArrowHead/ArrowHead_TRAIN"}) {
    const SeriesSet ts = read_series(*folder + "/" + name + ".ts");
    for (const char* ending : {".arff", ".tsv"}) {
      const SeriesSet other = read_series(*folder + "/" + name + ending);
      CHECK(other.values == ts.values);
      CHECK(other.labels == ts.labels);
      CHECK(other.class_names == ts.class_names);
    }
  }
  const SeriesSet ts = read_series(*folder + "/BasicMotions/BasicMotions_TEST.ts");
  const SeriesSet arff = read_series(*folder + "/BasicMotions/BasicMotions_TEST.arff");
  CHECK(ts.values == arff.values);
  CHECK(ts.labels == arff.labels);
}
