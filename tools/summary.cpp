// SPDX-License-Identifier: MIT
#include "mellow/tools/summary.h"

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "mellow/engine/core/error.h"
#include "mellow/engine/io/atomic_file.h"
#include "mellow/engine/io/csv.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/run_record.h"
#include "mellow/tools/wait_for_lock.h"

namespace mellow::tools {

namespace fs = std::filesystem;

namespace {

std::vector<RunSummary> finished_runs(const std::string& folder, Progress& progress) {
  std::vector<RunSummary> runs;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string path = entry.path().string();
    try {
      const auto record = read_record(path);
      if (record && status_of(*record) == "finished") runs.push_back(summary_of(*record, path));
    } catch (const Error& error) {
      progress.note(std::string("not in summary.csv: ") + error.what());
    }
  }
  const auto key = [](const RunSummary& r) {
    return std::tie(r.dataset, r.model, r.method, r.seed, r.members);
  };
  std::sort(runs.begin(), runs.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  return runs;
}

std::string summary_csv(const std::vector<RunSummary>& runs) {
  std::string csv = "dataset,model,method,seed,protocol,epoch,accuracy,nll,ece,cwece,seconds\n";
  for (const RunSummary& run : runs)
    for (const RunScores& s : run.scores) {
      CsvRow row;
      row.add(run.dataset).add(run.model).add(run.method).add(run.seed).add(s.protocol);
      row.add(s.epoch ? std::to_string(*s.epoch) : "");
      for (const double score : {s.accuracy, s.nll, s.ece, s.cwece}) row.add(score);
      csv += row.add(run.seconds).text() + '\n';
    }
  return csv;
}

}  // namespace

void write_summary(const std::string& folder, Progress& progress) {
  if (!fs::is_directory(folder)) return;  // no run got as far as making it
  const auto lock = wait_for_lock(folder + "/.summary.lock", [] { return false; });
  const auto runs = finished_runs(folder, progress);
  if (!runs.empty()) write_file_atomically(folder + "/summary.csv", summary_csv(runs));
}

}  // namespace mellow::tools
