// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/data/readers.h"
#include "mellow/data/scanner.h"
#include "mellow/data/series.h"

// One function per family of formats, each in its own file; call read_series() instead.
namespace mellow {

SeriesSet read_delimited(Scanner& scanner, const ReadOptions& options);
SeriesSet read_ts(Scanner& scanner, const ReadOptions& options);
SeriesSet read_arff(Scanner& scanner, const ReadOptions& options);

}  // namespace mellow
