// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "mellow/tools/study/synthetic_result.h"

// Finished replicates on disk, one file each, so that a study that was stopped goes on where it was. Lines
// "row,quantity,value"; values read back exactly.
namespace mellow::tools {

// <folder>/replicates/seed-0/lr-0.003/017.csv
std::string replicate_path(const std::string& folder, uint64_t seed, double lr, int64_t replicate);

// Makes the folders of the path. Throws ErrorKind::io.
void write_replicate(const std::string& path, const ReplicateResult& result);

// Nothing when there is no such file. Throws ErrorKind::input when it is not one this version writes.
std::optional<ReplicateResult> read_replicate(const std::string& path);

}  // namespace mellow::tools
