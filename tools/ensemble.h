// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/tools/run_many.h"

namespace mellow::tools {

// Trains `members` networks, seeds seed, seed + 1, …, into `path`/member-<i>, `jobs` at a time, and writes
// what their averaged probabilities score: run.json and predictions.csv (docs/run-directory.md). An ensemble
// goes on, is overwritten or refused as a single run is.
FinishedRun run_ensemble(const PlannedRun& run, int64_t members, int64_t jobs, Progress& progress,
                         Interrupt& interrupt, const std::vector<std::string>& arguments);

}  // namespace mellow::tools
