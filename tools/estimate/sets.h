// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "mellow/tools/estimate/work.h"
#include "mellow/tools/options.h"

namespace mellow::tools {

// The 128 sets of the UCR archive (Dau et al., 2018): sizes as its summary lists them.
const std::vector<SetSize>& ucr_archive();

// Of a CSV file with the columns name, train, test, length and, if wanted, channels; others are passed over.
// Throws ErrorKind::input for sizes that are no whole numbers from 1 on.
std::vector<SetSize> sizes_in_file(const std::string& path);

// Of the datasets in a folder: all, or those of a list with commas between.
std::vector<SetSize> sizes_in_folder(const DataOptions& data);

}  // namespace mellow::tools
