// SPDX-License-Identifier: MIT
#include "mellow/data/series_builder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "mellow/engine/core/error.h"

namespace mellow {

namespace {

constexpr int64_t free_padding_bytes = int64_t{64} << 20;

// Upper bound of the number of values: characters that can end one.
size_t count_separators(const Scanner& scanner) {
  size_t n = 1;
  for (const char* p = scanner.at; p != scanner.end; ++p)
    n += *p == ',' || *p == '\t' || *p == ' ' || *p == '\n' || *p == ':';
  return std::min(n, static_cast<size_t>(scanner.end - scanner.at) / 2 + 1);
}

// 1 + the last time step at which any channel has a value.
int32_t valid_steps(std::span<const float> row, int64_t channels) {
  const auto last = std::find_if(row.rbegin(), row.rend(), [](float v) { return !std::isnan(v); });
  return static_cast<int32_t>((row.rend() - last + channels - 1) / channels);
}

}  // namespace

SeriesBuilder::SeriesBuilder(Scanner& scanner, const ReadOptions& options)
    : scanner_(scanner), labels_(options.classes) {
  values_.reserve(count_separators(scanner));
  const size_t lines = static_cast<size_t>(std::count(scanner.at, scanner.end, '\n')) + 1;
  lengths_.reserve(std::min(lines, static_cast<size_t>(scanner.end - scanner.at) / 2 + 1));
}

void SeriesBuilder::add_label(std::string_view label) {
  labels_.add(scanner_, label);
  labelled_ = true;
}

void SeriesBuilder::end_series(int64_t channels) {
  channels_ = channels;
  const int64_t n = pending() / channels;
  if (n > std::numeric_limits<int32_t>::max())
    scanner_.fail_found(scanner_.at, "at most 2147483647 time steps", text(n));
  if (channels > 1) {
    scratch_.assign(values_.begin() + static_cast<std::ptrdiff_t>(done_), values_.end());
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t t = 0; t < n; ++t)
        values_[done_ + static_cast<size_t>(t * channels + c)] = scratch_[static_cast<size_t>(c * n + t)];
  }
  lengths_.push_back(static_cast<int32_t>(n));
  done_ = values_.size();
}

SeriesSet SeriesBuilder::finish(Tails tails, int64_t length) {
  if (lengths_.empty()) scanner_.fail_found(scanner_.end, "at least one series", "none");
  const auto [shortest, longest] = std::minmax_element(lengths_.begin(), lengths_.end());
  SeriesSet set;
  set.series = series();
  set.channels = channels_;
  set.length = std::max<int64_t>(*longest, length);
  set.values = *shortest == set.length ? std::move(values_) : padded(set.length);
  const bool complete = *shortest == set.length && !scanner_.saw_missing;
  set.lengths = std::move(lengths_);
  if (!complete) find_lengths(set, tails);
  if (labelled_) {
    auto classes = std::move(labels_).finish();
    set.labels = std::move(classes.labels);
    set.class_names = std::move(classes.names);
  }
  return set;
}

std::vector<float> SeriesBuilder::padded(int64_t length) const {
  const auto held =
      static_cast<int64_t>(values_.capacity() * sizeof(float) + lengths_.capacity() * sizeof(int32_t));
  const int64_t allowed =
      free_padding_bytes + std::max<int64_t>(4 * (scanner_.end - scanner_.begin) - held, 0);
  int64_t count = 0, bytes = 0;
  if (__builtin_mul_overflow(series(), length, &count) || __builtin_mul_overflow(count, channels_, &count) ||
      __builtin_mul_overflow(count, int64_t{sizeof(float)}, &bytes) || bytes > allowed)
    scanner_.fail_found(
        scanner_.end, text("series of similar length (padding may take ", allowed >> 20, " MiB)"),
        text(series(), " series to be padded to ", length, " time steps"), "split or cut the longest series");
  std::vector<float> out(static_cast<size_t>(count), std::numeric_limits<float>::quiet_NaN());
  const float* from = values_.data();
  float* to = out.data();
  for (int32_t n : lengths_) {
    std::copy_n(from, n * channels_, to);
    from += n * channels_;
    to += length * channels_;
  }
  return out;
}

void SeriesBuilder::find_lengths(SeriesSet& set, Tails tails) {
  int64_t total = 0, inside = 0;  // NaN values in all, and before a series' last value
  for (int64_t i = 0; i < set.series; ++i) {
    const auto row = std::as_const(set).row(i);
    const int32_t n = valid_steps(row, set.channels);
    const auto is_nan = [](float v) { return std::isnan(v); };
    total += std::count_if(row.begin(), row.end(), is_nan);
    inside += std::count_if(row.begin(), row.begin() + n * set.channels, is_nan);
    set.lengths[static_cast<size_t>(i)] = n;
  }
  const bool fixed = tails == Tails::missing || (tails == Tails::infer && inside > 0);
  if (fixed) std::fill(set.lengths.begin(), set.lengths.end(), static_cast<int32_t>(set.length));
  set.missing = fixed ? total : inside;
  set.unequal =
      std::any_of(set.lengths.begin(), set.lengths.end(), [&](int32_t n) { return n != set.length; });
}

}  // namespace mellow
