// SPDX-License-Identifier: MIT
#include <cmath>
#include <filesystem>

#include <doctest/doctest.h>

#include "mellow/engine/io/csv.h"
#include "mellow/tests/support/files.h"
#include "mellow/tests/support/places.h"
#include "mellow/tests/support/program.h"

using namespace mellow;
using namespace mellow::test;
namespace fs = std::filesystem;

namespace {

constexpr size_t methods = 19;

// A table of the study, read by learning rate, method and column.
class StudyTable {
 public:
  explicit StudyTable(const std::string& path) : table_(parse_csv(slurp(path), path)) {}

  double at(double lr, const std::string& method, const std::string& column) const {
    for (size_t r = 0; r < table_.rows.size(); ++r)
      if (table_.number(r, table_.column("lr")) == lr && table_.rows[r][table_.column("method")] == method)
        return table_.number(r, table_.column(column));
    FAIL("no row for ", method);
    return 0;
  }
  const CsvTable& table() const { return table_; }

 private:
  CsvTable table_;
};

StudyTable committed() { return StudyTable(source_dir() + "/docs/data/ils-synthetic.csv"); }

}  // namespace

TEST_CASE("study ils-synthetic: stops at Ctrl-C, goes on, and counts the same on any number of threads") {
  const TempFolder folder;
  const std::string stopped = folder / "stopped", whole = folder / "whole";
  const std::string replicate = "/replicates/seed-3/lr-0.003/000.csv";
  const std::vector<std::string> words = {"study", "ils-synthetic", "--lr", "3e-3", "--seed", "3", "--quiet"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), words.begin(), words.end());
    return more;
  };

  Program first(folder.path(), with({"--replicates", "50", "--threads", "1", "--out", stopped}));
  REQUIRE(appears(stopped + replicate));
  first.signal(SIGINT);
  CHECK(first.wait() == 130);
  CHECK(contains(first.err(), "the same command goes on"));
  CHECK_FALSE(fs::exists(stopped + "/ils-synthetic.csv"));

  const auto written = fs::last_write_time(stopped + replicate);
  Program second(folder.path(), with({"--replicates", "1", "--out", stopped}));
  CHECK(second.wait() == 0);
  CHECK(fs::last_write_time(stopped + replicate) == written);
  CHECK(contains(second.out(), "| ls-0.2+t |"));

  Program third(folder.path(), with({"--replicates", "2", "--threads", "2", "--out", whole}));
  CHECK(third.wait() == 0);
  CHECK(slurp(whole + replicate) == slurp(stopped + replicate));
  CHECK(slurp(whole + "/replicates/seed-3/lr-0.003/001.csv") != slurp(whole + replicate));

  // Two replicates are a sample of what the committed hundred are one of.
  const StudyTable two(whole + "/ils-synthetic.csv"), hundred = committed();
  CHECK(two.table().rows.size() == methods);
  for (const char* method : {"bayes", "no-ls", "ls", "ls-0.2+t", "ils1", "ils2", "ils", "self-bayes"})
    for (const char* column : {"accuracy", "ce", "ece"}) {
      CAPTURE(method);
      CAPTURE(column);
      const double of_one = 10 * hundred.at(0.003, method, std::string(column) + "_se");
      CHECK(std::abs(two.at(0.003, method, column) - hundred.at(0.003, method, column)) <
            4 * of_one / std::sqrt(2));
    }

  const CsvTable curve = parse_csv(slurp(whole + "/best-curve.csv"), "best-curve.csv");
  double points = 0;
  for (size_t r = 0; r < curve.rows.size(); ++r) {
    if (curve.rows[r][curve.column("points")] == "test") points += curve.number(r, curve.column("count"));
    const double p = curve.number(r, curve.column("teacher_p"));
    CHECK(p >= curve.number(r, curve.column("p_low")));
    CHECK(p <= curve.number(r, curve.column("p_high")));
  }
  CHECK(points > 0.8 * 30000);
  CHECK(points <= 30000);
}

TEST_CASE("study ils-synthetic: damaged files and wrong options are refused") {
  const TempFolder folder;
  const auto refused = [&](const std::vector<std::string>& more, const std::string& message) {
    std::vector<std::string> words = {"study", "ils-synthetic", "--quiet",    "--replicates",
                                      "1",     "--out",         folder.path()};
    words.insert(words.end(), more.begin(), more.end());
    Program program(folder.path(), words);
    CHECK(program.wait() == 2);
    CAPTURE(program.err());
    CHECK(contains(program.err(), message));
  };
  refused({"--lr", "0.1,fast"}, "--lr takes positive numbers");
  refused({"--lr", "0.1,0.1"}, "names 0.1 twice");
  refused({"--lr", "0.1,"}, "an entry between commas is empty");
  refused({"--lr", ""}, "--lr is empty");
  refused({"--replicates", "0"}, "--replicates");
  fs::create_directories(folder / "replicates/seed-0/lr-0.1");
  spill(folder / "replicates/seed-0/lr-0.1/000.csv", "row,quantity,value\nbayes,accuracy,0.8\n");
  refused({"--lr", "0.1"}, "dense of bayes is not where it should be; remove the file");
}

// The bands of the study's specification, on the committed table of 100 replicates.
TEST_CASE("the committed ILS table lies where replications lie") {
  const StudyTable t = committed();
  CHECK(t.table().rows.size() == 2 * methods);
  constexpr double lr = 0.003;
  const auto near = [&](const char* method, const char* column, double expected, double band) {
    CAPTURE(method);
    CAPTURE(column);
    CHECK(std::abs(t.at(lr, method, column) - expected) <= band);
  };
  CHECK(t.at(lr, "ls", "replicates") == 100);
  CHECK(t.at(0.01, "ls", "replicates") == 100);
  near("bayes", "accuracy", 0.8205, 0.001);
  near("bayes", "ce", 0.4430, 0.0015);
  near("no-ls", "accuracy", 0.786, 0.005);
  near("no-ls", "ce", 0.551, 0.010);
  near("ls", "accuracy", 0.795, 0.004);
  near("ls", "ce", 0.524, 0.010);
  near("ls", "epsilon", 0.06, 0.02);
  near("ls-0.2", "ece", 0.065, 0.006);
  near("ls-0.2+t", "temperature", 0.81, 0.02);
  const auto ce = [&](const char* method) { return t.at(lr, method, "ce"); };
  CHECK(ce("bayes") < ce("ils1"));
  CHECK(ce("ils1") <= ce("ls"));
  CHECK(ce("ls") < ce("no-ls+t"));
  CHECK(ce("no-ls+t") < ce("no-ls"));
  // Accuracy is that of the two kinds of points, by their numbers.
  for (const char* method : {"bayes", "no-ls", "ls", "ils1", "ils"})
    CHECK(0.8 * t.at(lr, method, "dense") + 0.2 * t.at(lr, method, "sparse") ==
          doctest::Approx(t.at(lr, method, "accuracy")).epsilon(0.002));
}
