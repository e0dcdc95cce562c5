// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "mellow/data/readers.h"
#include "mellow/data/writers.h"
#include "mellow/engine/core/error.h"
#include "mellow/tests/data/format_seeds.h"
#include "mellow/tests/support/mutate.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace mellow {

// Reads the bytes in every way a reader knows. Any end but a set or a mellow::Error is a finding, and so is a
// set that does not read back from its own .ts text.
inline int fuzz_reader(const uint8_t* data, size_t size, Format format) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const ReadOptions& options :
       {ReadOptions{}, ReadOptions{.label_column = false, .tails = Tails::padding}}) {
    SeriesSet set;
    try {
      set = read_series(bytes, format, "fuzz", options);
    } catch (const Error&) {
      continue;
    }
    std::string text;
    try {
      text = write_series(set, Format::ts);
    } catch (const Error&) {
      continue;  // a class name that .ts cannot hold
    }
    const SeriesSet again = read_series(text, Format::ts, "again");
    if (again.lengths != set.lengths || again.labels != set.labels || again.class_names != set.class_names)
      std::abort();
  }
  return 0;
}

// Starts now and then from a damaged well-formed file, so that the fuzzer gets past the header without a
// corpus.
inline size_t fuzz_mutate(uint8_t* data, size_t size, size_t max_size, unsigned seed, Format format) {
  if (seed % 64 != 0) return LLVMFuzzerMutate(data, size, max_size);
  static const std::vector<FormatSeeds> all = format_seeds();
  const auto seeds =
      std::find_if(all.begin(), all.end(), [&](const FormatSeeds& s) { return s.format == format; });
  std::string text = Mutator(seeds->files, seeds->words)(seed / 64);
  text.resize(std::min(text.size(), max_size));
  std::copy(text.begin(), text.end(), data);
  return text.size();
}

}  // namespace mellow
