// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mellow::tools {

struct IlsSyntheticOptions {
  int64_t replicates = 100;
  std::vector<double> rates;
  uint64_t seed = 0;
  int64_t threads = 0;  // 0: one per core this process may run on
  std::string out = "ils-synthetic";
  bool quiet = false;
};

// Runs what is not yet in the folder, writes ils-synthetic.csv and best-curve.csv there, prints the tables.
// Returns the exit code; after Ctrl-C the finished replicates are kept.
int run_ils_synthetic(const IlsSyntheticOptions& options);

}  // namespace mellow::tools
