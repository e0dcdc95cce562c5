// SPDX-License-Identifier: MIT
#include "mellow/tools/run_directory.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/core/parse_number.h"
#include "mellow/engine/io/atomic_file.h"
#include "mellow/engine/io/csv.h"

namespace mellow::tools {

namespace fs = std::filesystem;

namespace {

constexpr const char* metrics_header =
    "epoch,train_loss,train_ce,train_kl,train_accuracy,test_accuracy,test_nll,test_ece,validation_accuracy,"
    "validation_nll,validation_ece,learning_rate,seconds";
// Every file of a run; nothing else in the folder is ever removed but the runs in it: its teacher's and its
// ensemble's networks'.
constexpr const char* files[] = {"metrics.csv",     "model.safetensors", "encoder.safetensors",
                                 "soft_labels.csv", "predictions.csv",   "checkpoint.safetensors",
                                 "run.json"};

// Bytes that are no UTF-8, as in the name of a file, are replaced: JSON has none.
std::string text_of(const Json& record) { return record.dump(2, ' ', false, Json::error_handler_t::replace); }

bool is_part(const std::string& name) {
  constexpr std::string_view member = "member-";
  return name == "teacher" || (name.starts_with(member) && name.size() > member.size() &&
                               name.find_first_not_of("0123456789", member.size()) == std::string::npos);
}

// Removes the run in `path`, whose lock is held; run.json goes last.
void remove_run(const std::string& path) {
  std::vector<fs::path> parts;
  for (const auto& entry : fs::directory_iterator(path))
    if (!entry.is_symlink() && entry.is_directory() && is_part(entry.path().filename().string()))
      parts.push_back(entry.path());
  for (const fs::path& part : parts) {
    const DirectoryLock lock(part.string());
    remove_run(part.string());
    fs::remove(part / ".lock");
    std::error_code holds_others;
    fs::remove(part, holds_others);
  }
  for (const char* name : files) fs::remove(path + '/' + name);
}

template <class T>
T checkpoint_number(const NamedArrays& checkpoint, const std::string& key) {
  if (const auto found = checkpoint.metadata.find(key); found != checkpoint.metadata.end())
    if (const auto value = parse_number<T>(found->second)) return *value;
  throw Error(fmt::format("the checkpoint has no usable {}: remove it to train anew", key), ErrorKind::input);
}

void add_scores(CsvRow& row, const std::optional<Metrics>& metrics) {
  if (metrics) {
    row.add(metrics->accuracy).add(metrics->nll).add(metrics->ece);
  } else {
    row.add("").add("").add("");
  }
}

// The first value of `now` that differs from `before`, as "options.lr was 0.1, is 0.2".
std::string difference(const Json& before, const Json& now, const std::string& name) {
  if (before == now) return "";
  if (before.is_object() && now.is_object())
    for (const auto& [key, value] : now.items()) {
      const auto old = before.find(key);
      if (old == before.end()) return fmt::format("{}.{} is new", name, key);
      if (auto found = difference(*old, value, name + "." + key); !found.empty()) return found;
    }
  return fmt::format("{} was {}, is {}", name, before.dump(), now.dump());
}

}  // namespace

bool would_remove(const std::string& folder, const std::string& input) {
  if (input.empty()) return false;
  std::error_code unreadable;
  const fs::path within =
      fs::weakly_canonical(input, unreadable).lexically_relative(fs::weakly_canonical(folder, unreadable));
  if (unreadable || within.empty()) return false;
  const std::string first = within.begin()->string();
  return first == "." || is_part(first) ||
         std::find(std::begin(files), std::end(files), first) != std::end(files);
}

RunDirectory::RunDirectory(const std::string& path, Existing existing, const Json& record,
                           const std::vector<std::string>& results)
    : path_(path), record_(Json::parse(text_of(record))) {
  make_folder(path_);
  lock_.emplace(path_);
  sweep_stale_temps(path_);
  if (!fs::exists(file("run.json"))) return;
  if (existing == Existing::overwrite) {
    remove_run(path_);
    return;
  }
  previous_ = read_record(path_).value();
  const std::string status = status_of(previous_);
  if (existing == Existing::refuse)
    throw Error(
        fmt::format("{} already holds a run ({}): go on with --resume, start anew with --overwrite, or "
                    "choose another --out",
                    path_, status));
  check_same_run();
  resume_ = true;
  finished_ = status == "finished" && std::all_of(results.begin(), results.end(),
                                                  [&](const auto& name) { return fs::exists(file(name)); });
  if (finished_) record_ = previous_;
}

void RunDirectory::check_same_run() const {
  for (const char* part : {"format_version", "options", "data"}) {
    const auto changed = difference(previous_.value(part, Json()), record_.at(part), part);
    if (!changed.empty())
      throw Error(
          fmt::format("{} cannot be resumed: {}. Use the same options and data, or another folder (--out)",
                      path_, changed));
  }
}

void RunDirectory::write_record(const std::string& status) {
  record_["status"] = status;
  write_file_atomically(file("run.json"), text_of(record_) + '\n');
}

void RunDirectory::write_end(const std::exception& error) {
  const auto* known = dynamic_cast<const Error*>(&error);
  const bool cancelled = known != nullptr && known->kind() == ErrorKind::cancelled;
  if (!cancelled) record_["error"] = error.what();
  write_record(cancelled ? "interrupted" : "failed");
}

std::optional<NamedArrays> RunDirectory::checkpoint() const {
  const std::string name = file("checkpoint.safetensors");
  if (!resume_ || !fs::exists(name)) return std::nullopt;
  NamedArrays state = read_safetensors(name);
  verify_checksum(state, name);
  return state;
}

void RunDirectory::save_checkpoint(NamedArrays state, double seconds) {
  metrics_->sync();  // the rows must be there before a checkpoint counts on them
  state.metadata["metrics_bytes"] = std::to_string(metrics_->size());
  state.metadata["seconds"] = CsvRow().add(seconds).text();
  store_checksum(state);
  write_safetensors(file("checkpoint.safetensors"), state);
}

void RunDirectory::open_metrics(const std::optional<NamedArrays>& checkpoint) {
  metrics_.emplace(file("metrics.csv"));
  metrics_->truncate(checkpoint ? checkpoint_number<uint64_t>(*checkpoint, "metrics_bytes") : 0);
  if (metrics_->size() == 0) metrics_->write_line(metrics_header);
}

void RunDirectory::add_metrics(const EvaluationReport& report, double seconds) {
  CsvRow row;
  const EpochReport& epoch = report.training;
  row.add(epoch.epoch).add(epoch.loss).add(epoch.ce).add(epoch.kl).add(epoch.accuracy);
  add_scores(row, report.test);
  add_scores(row, report.validation);
  metrics_->write_line(row.add(epoch.rate).add(seconds).text());
}

double seconds_of(const NamedArrays& checkpoint) { return checkpoint_number<double>(checkpoint, "seconds"); }

}  // namespace mellow::tools
