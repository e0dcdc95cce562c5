// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

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

struct FinishedRun {
  std::string path;
  Json record;           // run.json
  bool already = false;  // it was complete before: nothing was done
};

// Trains into the run directory `path` (docs/run-directory.md), or goes on with the run there, as `existing`
// says. After an interrupt a checkpoint is saved and ErrorKind::cancelled thrown.
FinishedRun run_training(const TrainingJob& job, const std::string& path, Existing existing);

}  // namespace mellow::tools
