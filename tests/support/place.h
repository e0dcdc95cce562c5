// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "mellow/tests/support/files.h"
#include "mellow/tests/support/program.h"

namespace mellow::test {

using Words = std::vector<std::string>;

struct Result {
  int code;
  std::string out, err;
};

// A folder with a tiny dataset (three classes of noisy waves of 16 steps) and a cache for encoders.
class Place {
 public:
  Place() {
    write("TRAIN", 12, 0);
    write("TEST", 9, 0);
    setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
    unsetenv("MELLOW_DATA");
  }
  std::string operator/(std::string_view name) const { return folder_ / name; }

  // Labels of the split's series are `shift` classes further.
  void write(const std::string& part, int series, int shift) {
    std::mt19937 random(part == "TRAIN" ? 1 : 2);
    std::ostringstream out;
    for (int i = 0; i < series; ++i) {
      out << (i + shift) % 3 + 1;
      for (int t = 0; t < 16; ++t)
        out << '\t' << std::sin((i % 3 + 1) * t / 3.0) + static_cast<double>(random() % 1000) / 2000;
      out << '\n';
    }
    std::filesystem::create_directories(folder_ / "Tiny");
    spill(folder_ / ("Tiny/Tiny_" + part + ".tsv"), out.str());
  }

  Words training(const std::string& run, const Words& more) const {
    Words words = {
        "train",     "--data", folder_.path(), "--dataset", "Tiny",  "--model",    "inception-time-1",
        "--threads", "1",      "--device",     "cpu",       "--out", folder_ / run};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Result run(const Words& words, const std::string& input = "") const {
    Program program(folder_.path(), words, input);
    const int code = program.wait();
    return {code, program.out(), program.err()};
  }
  Result train(const std::string& run_name, const Words& more) const { return run(training(run_name, more)); }

 private:
  TempFolder folder_;
};

inline nlohmann::json record_of(const std::string& run) {
  return nlohmann::json::parse(slurp(run + "/run.json"));
}

// metrics.csv without its column of seconds.
inline std::string timeless_metrics(const std::string& run) {
  std::istringstream lines(slurp(run + "/metrics.csv"));
  std::string all;
  for (std::string line; std::getline(lines, line);) all += line.substr(0, line.rfind(',')) + '\n';
  return all;
}

inline void check_same_results(const std::string& a, const std::string& b) {
  for (const char* name : {"/model.safetensors", "/predictions.csv"})
    CHECK(slurp(a + name) == slurp(b + name));
  CHECK(timeless_metrics(a) == timeless_metrics(b));
  CHECK(record_of(a)["results"] == record_of(b)["results"]);
}

}  // namespace mellow::test
