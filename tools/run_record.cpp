// SPDX-License-Identifier: MIT
#include "mellow/tools/run_record.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include <fmt/format.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/io/read_file.h"

namespace mellow::tools {
namespace {

constexpr uint64_t largest_record = 16 << 20;

Error damaged(const std::string& file, const std::string& what) {
  return Error(fmt::format("{} is damaged: {}; remove it and train anew", file, what), ErrorKind::input);
}

// The values of an object by their pointers ("/data/name"), each as what it must be.
class Values {
 public:
  Values(const Json& root, std::string file, std::string at = {})
      : root_(root), file_(std::move(file)), at_(std::move(at)) {}

  std::string text(const char* pointer) const {
    return value(pointer, "text", [](const Json& v) { return v.is_string(); }).get<std::string>();
  }
  int64_t whole(const char* pointer) const {
    return value(pointer, "a whole number", [](const Json& v) { return v.is_number_integer(); })
        .get<int64_t>();
  }
  uint64_t natural(const char* pointer) const {
    return value(pointer, "a whole number", [](const Json& v) { return v.is_number_unsigned(); })
        .get<uint64_t>();
  }
  // JSON has no NaN: it is written as null.
  double number(const char* pointer) const {
    const Json& found =
        value(pointer, "a number", [](const Json& v) { return v.is_number() || v.is_null(); });
    return found.is_null() ? std::numeric_limits<double>::quiet_NaN() : unsigned_nan(found.get<double>());
  }
  const Json& object(const char* pointer) const {
    return value(pointer, "an object", [](const Json& v) { return v.is_object(); });
  }
  bool has(const char* pointer) const { return root_.contains(Json::json_pointer(pointer)); }

 private:
  const Json& value(const char* pointer, const char* expected, bool (*is)(const Json&)) const {
    if (!has(pointer)) throw damaged(file_, fmt::format("it has no {}{}", at_, pointer));
    const Json& found = root_.at(Json::json_pointer(pointer));
    if (!is(found))
      throw damaged(file_, fmt::format("{}{} must be {}, is {}", at_, pointer, expected, found.dump()));
    return found;
  }

  const Json& root_;
  std::string file_, at_;
};

std::string file_in(const std::string& folder) { return folder + "/run.json"; }

RunScores scores_of(const std::string& protocol, const Values& result) {
  RunScores scores{.protocol = protocol};
  if (result.has("/epoch")) scores.epoch = result.whole("/epoch");
  scores.accuracy = result.number("/accuracy");
  scores.nll = result.number("/nll");
  scores.ece = result.number("/ece");
  scores.cwece = result.number("/cwece");
  scores.on_test = result.has("/selected_on_test");
  return scores;
}

}  // namespace

std::optional<Json> read_record(const std::string& folder) {
  const std::string file = file_in(folder);
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return std::nullopt;
  Json record = Json::parse(read_file(file, largest_record), nullptr, false);
  if (!record.is_object()) throw damaged(file, "it is not a JSON object");
  Values(record, file).text("/status");
  return record;
}

std::string status_of(const Json& record) { return record.at("status").get<std::string>(); }

std::optional<int64_t> members_in(const std::string& folder) {
  const auto record = read_record(folder);
  if (!record) return std::nullopt;
  const Values values(*record, file_in(folder));
  if (values.has("/members")) {
    const int64_t members = values.whole("/members");
    if (members < 1) throw damaged(file_in(folder), "/members must be at least 1");
    return members;
  }
  if (!values.has("/options/ensemble")) return std::nullopt;
  throw Error(fmt::format("{} holds an ensemble that is not finished ({}): go on with --resume", folder,
                          status_of(*record)),
              ErrorKind::input);
}

const RunScores& RunSummary::selected_scores() const {
  return *std::find_if(scores.begin(), scores.end(),
                       [&](const RunScores& s) { return s.protocol == selected; });
}

RunSummary summary_of(const Json& record, const std::string& folder) {
  const std::string file = file_in(folder);
  const Values values(record, file);
  RunSummary run;
  run.dataset = values.text("/data/name");
  run.model = values.text("/options/model");
  run.method = values.text("/options/method");
  run.seed = values.natural("/options/seed");
  run.epochs = values.whole("/options/epochs");
  run.seconds = values.number("/seconds");
  run.selected = values.text("/selected");
  if (values.has("/members")) run.members = values.whole("/members");
  if (values.has("/undefined_predictions")) run.undefined = values.whole("/undefined_predictions");
  for (const auto& [protocol, result] : values.object("/results").items())
    run.scores.push_back(scores_of(protocol, Values(result, file, "/results/" + protocol)));
  if (std::none_of(run.scores.begin(), run.scores.end(),
                   [&](const RunScores& s) { return s.protocol == run.selected; }))
    throw damaged(file, "/results has no " + run.selected);
  return run;
}

double unsigned_nan(double value) {
  return std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value;
}

}  // namespace mellow::tools
