// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "mellow/data/readers.h"
#include "mellow/data/series.h"

namespace mellow {

// The text of a set as .tsv, .csv, .txt (univariate) or .ts; numbers in the shortest form that reads back to
// the same float32. Reading it gives the same set, bit for bit, with one exception: .tsv, .csv and .txt
// cannot tell missing values at the end of a series from padding, so `lengths` may differ there. Throws when
// the format cannot hold the set: more than one channel, or a class name with a separator in it.
std::string write_series(const SeriesSet& set, Format format);

}  // namespace mellow
