// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mellow/tools/run_plan.h"
#include "mellow/tools/training.h"

namespace mellow::tools {

// Opens the data and trains, with a context of its own.
FinishedRun run_one(const PlannedRun& run, Progress& progress, Interrupt& interrupt,
                    const std::vector<std::string>& arguments);

// How many trainings at once, and the CPU threads of each.
struct Shares {
  int64_t jobs, threads;
};

// Of `runs` trainings; jobs 0: on the CPU one per thread, on CUDA one.
Shares shares_of(const DeviceOptions& device, int64_t runs, int64_t jobs);

struct Outcome {
  std::optional<FinishedRun> run;  // nothing: it failed, or was not begun because of an interrupt
  std::string error;

  RunSummary summary() const { return summary_of(run->record, run->path); }
};
// What became of `train`; an interrupt is still thrown.
Outcome outcome_of(const std::function<FinishedRun()>& train);

// Trains all of `plan`, `jobs` at a time, each on its own thread, context and share of the CPU threads; 0: on
// the CPU as many as there are threads. A run that fails does not stop the others. After an interrupt all
// save their checkpoints and ErrorKind::cancelled is thrown. Results are in the order of the plan and do not
// depend on `jobs` where --threads is given.
std::vector<Outcome> run_many(const std::vector<PlannedRun>& plan, int64_t jobs, Progress& progress,
                              Interrupt& interrupt, const std::vector<std::string>& arguments);

}  // namespace mellow::tools
