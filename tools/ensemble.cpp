// SPDX-License-Identifier: MIT
#include "mellow/tools/ensemble.h"

#include <fmt/format.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/io/atomic_file.h"
#include "mellow/engine/train/metrics.h"
#include "mellow/tools/model_file.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/results.h"
#include "mellow/tools/version.h"

namespace mellow::tools {
namespace {

std::vector<PlannedRun> members_of(const PlannedRun& run, int64_t members, const std::string& path) {
  std::vector<PlannedRun> plan;
  for (int64_t i = 0; i < members; ++i) {
    PlannedRun member = run;
    TrainOptions& o = member.options;
    o.own_folder = false;
    o.out = member_path(path, i);
    o.seed += static_cast<uint64_t>(i);
    o.resume = !o.overwrite;  // the ensemble's folder has been checked
    plan.push_back(std::move(member));
  }
  return plan;
}

// Without these the ensemble cannot be evaluated.
std::vector<std::string> results_of(int64_t members) {
  std::vector<std::string> files = {"predictions.csv"};
  for (int64_t i = 0; i < members; ++i) files.push_back(member_path(".", i) + "/model.safetensors");
  return files;
}

// predictions.csv and, in the record, the scores of the mean of the networks' probabilities.
void score_members(RunDirectory& folder, const TrainingData& data, Context& context, int64_t members,
                   const std::string& selected, Progress& progress) {
  const auto networks = read_members(context, folder.path(), members);
  const auto classes = static_cast<int64_t>(data.test.class_names.size());
  const auto probabilities =
      probabilities_of(pooled_logits(networks, to_device(context, data.test)), classes);
  write_file_atomically(folder.file("predictions.csv"),
                        predictions_csv(data.test.labels, data.test.class_names, probabilities));
  Json& record = folder.record();
  record["members"] = members;
  record["selected"] = selected;
  record["results"][selected] = to_json(score(probabilities, data.test.labels, classes));
  note_undefined(record, probabilities, data, progress);
}

}  // namespace

FinishedRun run_ensemble(const PlannedRun& run, int64_t members, int64_t jobs, Progress& progress,
                         Interrupt& interrupt, const std::vector<std::string>& arguments) {
  const TrainOptions& o = run.options;
  const auto context = make_context(o.device, progress);
  const TrainingData data = open_training_data(o.data, parse_holdout(o.val), o.seed, progress);
  const std::string path = run_folder(o, data.name);
  checked_network(
      {o, find_method(o.method), run.method_options, data, *context, progress, interrupt, arguments}, path);
  Json options = to_json(o, run.method_options, *context);
  options["ensemble"] = members;
  RunDirectory folder(
      path, existing_run(o),
      {{"mellow", program_version},
       {"format_version", 1},
       {"status", "running"},
       {"command", arguments},
       {"options", options},
       {"data", {{"name", data.name}, {"train_hash", data.train_hash}, {"test_hash", data.test_hash}}},
       {"device", device_description(*context)}},
      results_of(members));
  if (folder.finished()) {
    progress.note(path + " is finished already; nothing to do");
    return {path, folder.record(), true};
  }
  folder.write_record("running");
  try {
    double seconds = 0;
    for (const Outcome& outcome :
         run_many(members_of(run, members, path), jobs, progress, interrupt, arguments)) {
      if (!outcome.run) throw Error("a network of the ensemble failed: " + outcome.error, ErrorKind::device);
      seconds += outcome.summary().seconds;
    }
    score_members(folder, data, *context, members, mellow::name_of(selected_protocol(o)), progress);
    folder.record()["seconds"] = seconds;
    folder.write_record("finished");
  } catch (const std::exception& error) {
    folder.write_end(error);
    throw;
  }
  return {path, folder.record()};
}

}  // namespace mellow::tools
