// SPDX-License-Identifier: MIT
#include "mellow/data/series.h"

#include "mellow/engine/core/error.h"

namespace mellow {

void check_consistent(const SeriesSet& set) {
  const auto require = [&](bool holds, const auto&... what) {
    if (!holds) throw Error(text("[data] ", set.name, ": ", what...), ErrorKind::input);
  };
  const std::string sizes =
      text(set.series, " series of ", set.length, " steps and ", set.channels, " channels");
  int64_t count = 0;
  require(set.series >= 0 && set.length >= 0 && set.channels >= 0 &&
              !__builtin_mul_overflow(set.series, set.length, &count) &&
              !__builtin_mul_overflow(count, set.channels, &count),
          sizes, " cannot be");
  require(set.series == 0 || count > 0, sizes, " hold no value: steps and channels must be at least 1");
  require(std::ssize(set.values) == count, sizes, " are ", count, " values, got ", set.values.size());
  require(std::ssize(set.lengths) == set.series, set.series, " series need as many lengths, got ",
          set.lengths.size());
  for (const int32_t n : set.lengths)
    require(n >= 0 && n <= set.length, "lengths must lie in [0, ", set.length, "], got ", n);
  require(set.labels.empty() || std::ssize(set.labels) == set.series, set.series,
          " series need as many labels, or none, got ", set.labels.size());
  for (const int32_t label : set.labels)
    require(label >= 0 && label < std::ssize(set.class_names), "labels must lie in [0, ",
            set.class_names.size(), "), the number of class names; got ", label);
}

}  // namespace mellow
