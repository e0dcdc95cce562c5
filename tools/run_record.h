// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

// Reading run.json (docs/run-directory.md), which may be damaged or not ours: what is missing or of another
// kind is an error that names the file, the value, and what was expected.
namespace mellow::tools {

using Json = nlohmann::ordered_json;

// <folder>/run.json; nothing when there is none. Throws ErrorKind::input unless it is an object with a
// status.
std::optional<Json> read_record(const std::string& folder);
std::string status_of(const Json& record);
// How many networks the folder's run trained. Throws for an ensemble that is not finished.
std::optional<int64_t> members_in(const std::string& folder);

// Of one protocol of a finished run. NaN: the score was no number.
struct RunScores {
  std::string protocol;
  std::optional<int64_t> epoch;  // nothing: of an ensemble
  double accuracy = 0, nll = 0, ece = 0, cwece = 0;
  bool on_test = false;  // chosen on test data
};

// What tables say of a finished run.
struct RunSummary {
  std::string dataset, model, method, selected;
  uint64_t seed = 0;
  int64_t epochs = 0, members = 1;
  double seconds = 0;
  int64_t undefined = 0;  // test series with predictions that are not numbers
  std::vector<RunScores> scores;

  const RunScores& selected_scores() const;
};
// Throws ErrorKind::input, naming <folder>/run.json.
RunSummary summary_of(const Json& record, const std::string& folder);

// The value; NaN always without a sign, so that it is printed as "nan".
double unsigned_nan(double value);

}  // namespace mellow::tools
