// SPDX-License-Identifier: MIT
#include <cmath>
#include <string>

#include <doctest/doctest.h>

#include "mellow/data/readers.h"
#include "mellow/engine/core/error.h"
#include "mellow/tests/data/format_seeds.h"
#include "mellow/tests/support/mutate.h"

using namespace mellow;

namespace {

// What every set keeps, whatever the file was.
void check_read(const SeriesSet& set) {
  REQUIRE_NOTHROW(check_consistent(set));
  REQUIRE(set.series > 0);
  REQUIRE(set.labels.empty() == set.class_names.empty());
  int64_t missing = 0;
  bool unequal = false;
  for (int64_t i = 0; i < set.series; ++i) {
    const int32_t n = set.lengths[static_cast<size_t>(i)];
    unequal = unequal || n < set.length;
    const auto row = set.row(i);
    for (int64_t k = 0; k < set.row_size(); ++k) {
      const float v = row[static_cast<size_t>(k)];
      REQUIRE_FALSE(std::isinf(v));
      if (k < n * set.channels) {
        missing += std::isnan(v);
      } else {
        REQUIRE(std::isnan(v));
      }
    }
  }
  REQUIRE(set.missing == missing);
  REQUIRE(set.unequal == unequal);
}

// True when the text was read, false when it was refused with a place in the file.
bool reads(const std::string& text, Format format, const ReadOptions& options = {}) {
  try {
    check_read(read_series(text, format, "m", options));
    return true;
  } catch (const Error& error) {
    const std::string message = error.what();
    REQUIRE_MESSAGE(message.starts_with("m:"), message);
    REQUIRE_MESSAGE(message.find(": expected ") != std::string::npos, message);
    REQUIRE_MESSAGE(message.find(", found ") != std::string::npos, message);
    return false;
  }
}

}  // namespace

TEST_CASE("readers: the seeds of the mutations are well-formed") {
  for (const auto& seeds : format_seeds())
    for (const auto& file : seeds.files) {
      CAPTURE(file);
      CHECK(reads(file, seeds.format));
    }
}

TEST_CASE("readers: 2,000 damaged files of every format") {
  constexpr uint64_t count = 2000;
  for (const auto& seeds : format_seeds()) {
    Mutator mutate(seeds.files, seeds.words);
    int read = 0;
    for (uint64_t i = 0; i < count; ++i) {
      const std::string text = mutate(i);
      CAPTURE(text);
      read += reads(text, seeds.format);
      reads(text, seeds.format, {.label_column = false, .tails = Tails::padding});
    }
    // Both must occur, or the mutations would test only one half of the reader.
    CHECK(read > static_cast<int>(count) / 50);
    CHECK(read < static_cast<int>(count) * 9 / 10);
  }
}

TEST_CASE("readers: files cut off at every byte, every byte changed") {
  for (const auto& seeds : format_seeds())
    for (const auto& file : seeds.files)
      for (size_t i = 0; i < file.size(); ++i) {
        reads(file.substr(0, i), seeds.format);
        for (unsigned flip : {1u, 4u, 16u, 128u}) {
          std::string changed = file;
          changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ flip);
          CAPTURE(changed);
          reads(changed, seeds.format);
        }
      }
}
