// SPDX-License-Identifier: MIT
#include <cmath>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "mellow/data/dataset.h"
#include "mellow/tests/support/files.h"

using namespace mellow;
using test::contains;
using test::message_of;
namespace fs = std::filesystem;

namespace {

// Writes a file below the folder; returns its path.
std::string add(const test::TempFolder& folder, const std::string& name, const std::string& text) {
  const std::string path = folder / name;
  fs::create_directories(fs::path(path).parent_path());
  test::spill(path, text);
  return path;
}

}  // namespace

TEST_CASE("dataset: found in its folder, beside others, and without ending") {
  const test::TempFolder folder;
  add(folder, "GunPoint/GunPoint_TRAIN.tsv", "1\t2\n2\t3\n");
  add(folder, "GunPoint/GunPoint_TEST.tsv", "1\t2\n");
  add(folder, "Adiac_TRAIN", "1,2\n2,3\n");
  add(folder, "Adiac_TEST", "1,2\n");
  add(folder, "Alone/Alone_TRAIN.ts", "@data\n");
  CHECK(find_dataset(folder.path(), "GunPoint").train == folder.path() + "/GunPoint/GunPoint_TRAIN.tsv");
  CHECK(find_dataset(folder.path(), "Adiac").test == folder.path() + "/Adiac_TEST");
  CHECK(contains(message_of([&] { find_dataset(folder.path(), "Alone"); }), "test split"));
  const std::string message = message_of([&] { find_dataset(folder.path(), "Gunpoint"); });
  CHECK(contains(message, "no dataset Gunpoint in " + folder.path()));
  CHECK(contains(message, "tried Gunpoint/Gunpoint_TRAIN and Gunpoint_TRAIN with .tsv"));
  CHECK(contains(message, "nearest of the 2 datasets there: GunPoint, Adiac"));
  CHECK(contains(message_of([&] { find_dataset(folder.path(), "../x"); }), "has no slash"));
  CHECK(contains(message_of([&] { find_dataset(folder.path() + "/no", "x"); }), "does not exist"));
  const auto all = list_datasets(folder.path());
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "Adiac");
  CHECK(all[1].name == "GunPoint");
  CHECK(read_dataset(folder.path(), "GunPoint").train.series == 2);
}

TEST_CASE("dataset: the adjusted copies on request") {
  const test::TempFolder folder;
  for (const std::string place : {"", "Missing_value_and_variable_length_datasets_adjusted/"}) {
    add(folder, place + "A/A_TRAIN.tsv", place.empty() ? "1\t2\tNaN\n2\t1\t1\n" : "1\t2\t2.5\n2\t1\t1\n");
    add(folder, place + "A/A_TEST.tsv", "1\t1\t2\n");
  }
  add(folder, "B/B_TRAIN.tsv", "1\t2\n2\t1\n");
  add(folder, "B/B_TEST.tsv", "1\t2\n");
  const SplitPair adjusted = read_dataset(folder.path(), "A", AdjustedCopies::preferred);
  CHECK(adjusted.adjusted);
  CHECK(adjusted.train.values[1] == 2.5f);
  const SplitPair original = read_dataset(folder.path(), "A");
  CHECK_FALSE(original.adjusted);
  CHECK(original.train.unequal);
  CHECK_FALSE(read_dataset(folder.path(), "B", AdjustedCopies::preferred).adjusted);
}

TEST_CASE("splits: the test file follows the training file") {
  const test::TempFolder folder;
  const auto train = [&](const std::string& text) { return add(folder, "A_TRAIN.tsv", text); };
  const auto test = [&](const std::string& text) { return add(folder, "A_TEST.tsv", text); };

  SUBCASE("classes") {
    const SplitPair pair = read_splits(train("10\t1\n9\t1\n"), test("9.0\t1\n10\t2\n"));
    CHECK(pair.test.class_names == std::vector<std::string>{"9", "10"});
    CHECK(pair.test.labels == std::vector<int32_t>{0, 1});
    const std::string message =
        message_of([&] { read_splits(train("10\t1\n9\t1\n"), test("9\t1\n11\t1\n")); });
    CHECK(contains(message, "A_TEST.tsv:2:1: expected one of the 2 known classes (9, 10), found \"11\""));
  }
  SUBCASE("NaN at the end is missing where training has missing values") {
    const SplitPair pair = read_splits(train("1\t1\tNaN\t2\n2\t1\t2\t3\n"), test("1\t1\t2\tNaN\n"));
    CHECK_FALSE(pair.test.unequal);
    CHECK(pair.test.missing == 1);
  }
  SUBCASE("NaN at the end is padding where training has unequal lengths") {
    const SplitPair pair =
        read_splits(train("1\t1\t2\tNaN\n2\t1\t2\t3\n"), test("1\t1\tNaN\t3\n2\t1\t2\tNaN\n"));
    CHECK(pair.test.lengths == std::vector<int32_t>{3, 2});
    CHECK(pair.test.missing == 1);
  }
  SUBCASE("fixed lengths must agree") {
    CHECK(contains(message_of([&] { read_splits(train("1\t1\t2\n"), test("1\t1\n")); }),
                   "have 2 time steps, those of"));
  }
}

TEST_CASE("splits: unequal lengths are padded to the longer split") {
  const test::TempFolder folder;
  const std::string head = "@equalLength false\n@classLabel true 1 2\n@data\n";
  const std::string train = add(folder, "A_TRAIN.ts", head + "1,2:1\n1:2\n");
  const SplitPair pair = read_splits(train, add(folder, "A_TEST.ts", head + "1,2,3,4:2\n"));
  CHECK(pair.train.length == 4);
  CHECK(pair.train.lengths == std::vector<int32_t>{2, 1});
  CHECK(pair.train.unequal);
  CHECK(pair.train.row(0)[1] == 2);
  CHECK(std::isnan(pair.train.row(0)[2]));
  CHECK(pair.test.row(0)[3] == 4);
  const std::string wide =
      add(folder, "B_TEST.ts", "@univariate false\n@equalLength false\n@classLabel true 1\n@data\n1:2:1\n");
  CHECK(contains(message_of([&] { read_splits(train, wide); }), "has 1 channels, but"));
  const std::string bare = add(folder, "C_TRAIN.ts", "@classLabel false\n@data\n1,2\n");
  CHECK(contains(message_of([&] { read_splits(bare, train); }), "training needs class labels"));
  CHECK(contains(message_of([&] { read_splits(train, bare); }), "testing needs class labels"));
}

TEST_CASE("splits: padding across the splits cannot blow up") {
  const test::TempFolder folder;
  std::string many = "@equalLength false\n@classLabel true 1\n@data\n1,2:1\n", longest = many + "0";
  for (int i = 0; i < 2000; ++i) many += "1:1\n";
  for (int i = 0; i < 200'000; ++i) longest += ",0";
  const std::string train = add(folder, "A_TRAIN.ts", many),
                    test = add(folder, "A_TEST.ts", longest + ":1\n");
  CHECK(contains(message_of([&] { read_splits(train, test); }), "are too different"));
}
