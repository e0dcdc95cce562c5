// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mellow/engine/nn/model.h"
#include "mellow/tools/dataset.h"
#include "mellow/tools/train_options.h"

namespace mellow::tools {

class Interrupt;

// One training: what was asked, and what it works with.
struct TrainingJob {
  const TrainOptions& options;
  const Method& method;
  const MethodOptions& method_options;
  const TrainingData& data;
  Context& context;
  Progress& progress;
  Interrupt& interrupt;
  std::vector<std::string> arguments;  // as typed, for run.json
};

// Says and records how many test series have predictions that are not numbers, if any.
void note_undefined(Json& record, const std::vector<double>& probabilities, const TrainingData& data,
                    Progress& progress);

struct FinishedRun {
  std::string path;
  Json record;           // run.json
  bool already = false;  // it was complete before: nothing was done
};

// The job's network, without weights. What cannot be trained is refused here, before a folder is made or
// emptied: wrong inputs, and with --overwrite inputs that lie in the run directory `path`.
std::unique_ptr<Classifier> checked_network(const TrainingJob& job, const std::string& path);

// Trains into the run directory `path` (docs/run-directory.md), or goes on with the run there, as `existing`
// says. After an interrupt a checkpoint is saved and ErrorKind::cancelled thrown.
FinishedRun run_training(const TrainingJob& job, const std::string& path, Existing existing);

}  // namespace mellow::tools
