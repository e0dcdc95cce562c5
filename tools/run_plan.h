// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "mellow/tools/train_options.h"

namespace mellow::tools {

// One training of a command that may ask for many: options with one dataset, model, method and seed.
struct PlannedRun {
  TrainOptions options;
  MethodOptions method_options;
};

// Every combination of the comma-separated lists in --dataset, --model, --method and --seed, seeds outermost,
// methods innermost. Checks each as far as options alone can tell. An option of a method goes to the methods
// that have it; one that none has is an error. Several runs lie in folders of their own under --out.
std::vector<PlannedRun> plan_runs(const TrainOptions& options);

// The parts of a comma-separated list. Throws, naming `option`, for empty parts and for names that come
// twice.
std::vector<std::string> split_list(const std::string& option, const std::string& typed);

// Seeds as typed: "0", "0,1,2" or "0..4".
std::vector<uint64_t> parse_seeds(const std::string& typed);

}  // namespace mellow::tools
