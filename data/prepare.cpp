// SPDX-License-Identifier: MIT
#include "mellow/data/prepare.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mellow/engine/core/error.h"

namespace mellow {

namespace {

// One channel of one series: `stride` floats from step to step.
struct Track {
  float* first;
  int64_t steps, stride;
  float& operator[](int64_t t) const { return first[t * stride]; }
};

// Calls f(track over the valid steps) for every series and channel.
template <class F>
void for_each_track(SeriesSet& set, F f) {
  check_consistent(set);
  for (int64_t i = 0; i < set.series; ++i)
    for (int64_t c = 0; c < set.channels; ++c)
      f(Track{set.row(i).data() + c, set.lengths[static_cast<size_t>(i)], set.channels});
}

// Values between `left` and `right`, both present (or -1 and steps: outside).
void fill_gap(Track x, int64_t left, int64_t right) {
  for (int64_t t = left + 1; t < right; ++t) {
    if (left < 0) {
      x[t] = x[right];
    } else if (right == x.steps) {
      x[t] = x[left];
    } else {
      const double share = static_cast<double>(t - left) / static_cast<double>(right - left);
      x[t] = static_cast<float>((1 - share) * double{x[left]} + share * double{x[right]});
    }
  }
}

bool step_is_missing(const SeriesSet& set, int64_t i, int64_t t) {
  const auto row =
      set.row(i).subspan(static_cast<size_t>(t * set.channels), static_cast<size_t>(set.channels));
  return std::all_of(row.begin(), row.end(), [](float v) { return std::isnan(v); });
}

}  // namespace

void fill_missing(SeriesSet& set, PrepareReport& report) {
  for_each_track(set, [&](Track x) {
    int64_t last = -1;
    for (int64_t t = 0; t < x.steps; ++t) {
      if (std::isnan(x[t])) {
        ++report.filled;
        continue;
      }
      fill_gap(x, last, t);
      last = t;
    }
    if (last >= 0) return fill_gap(x, last, x.steps);
    ++report.empty;
    for (int64_t t = 0; t < x.steps; ++t) x[t] = 0;
  });
  set.missing = 0;
}

void z_normalise(SeriesSet& set, PrepareReport& report) {
  MELLOW_CHECK(set.missing == 0, "[prepare] ", set.name, " has ", set.missing,
               " missing values: fill them first");
  for_each_track(set, [&](Track x) {
    if (x.steps == 0) return;
    const double n = static_cast<double>(x.steps);
    double sum = 0, squares = 0;
    for (int64_t t = 0; t < x.steps; ++t) sum += double{x[t]};
    const double mean = sum / n;
    for (int64_t t = 0; t < x.steps; ++t) squares += (double{x[t]} - mean) * (double{x[t]} - mean);
    // Equal values can leave a rest of rounding in the sum of squares, so constancy is asked of the values.
    bool constant = true;
    for (int64_t t = 1; t < x.steps; ++t) constant = constant && x[t] == x[0];
    const double std = constant ? 1 : std::sqrt(squares / n);
    report.constant += constant;
    for (int64_t t = 0; t < x.steps; ++t)
      x[t] = constant ? 0.0f : static_cast<float>((double{x[t]} - mean) / std);
  });
}

void pad_with_zeros(SeriesSet& set, PrepareReport& report) {
  check_consistent(set);
  for (int64_t i = 0; i < set.series; ++i) {
    const int64_t n = set.lengths[static_cast<size_t>(i)];
    report.padded += n < set.length;
    std::fill(set.row(i).begin() + n * set.channels, set.row(i).end(), 0.0f);
  }
}

PrepareReport prepare_for_classifier(SeriesSet& set) {
  PrepareReport report;
  fill_missing(set, report);
  z_normalise(set, report);
  pad_with_zeros(set, report);
  return report;
}

SeriesScale nan_scale(const SeriesSet& train) {
  double sum = 0, squares = 0;
  int64_t n = 0;
  for (float v : train.values)
    if (!std::isnan(v)) sum += double{v}, ++n;
  if (n == 0) return {};
  const double mean = sum / static_cast<double>(n);
  for (float v : train.values)
    if (!std::isnan(v)) squares += (double{v} - mean) * (double{v} - mean);
  const double std = std::sqrt(squares / static_cast<double>(n));
  return {mean, std > 0 ? std : 1};
}

void apply_scale(SeriesSet& set, SeriesScale scale) {
  for (float& v : set.values) v = static_cast<float>((double{v} - scale.mean) / scale.std);
}

bool needs_centring(const SeriesSet& set) {
  check_consistent(set);
  for (int64_t i = 0; i < set.series; ++i)
    if (step_is_missing(set, i, 0) || step_is_missing(set, i, set.length - 1)) return true;
  return false;
}

void centre(SeriesSet& set) {
  check_consistent(set);
  for (int64_t i = 0; i < set.series; ++i) {
    int64_t prefix = 0, suffix = 0;
    while (prefix < set.length && step_is_missing(set, i, prefix)) ++prefix;
    if (prefix == set.length) continue;  // nothing to centre
    while (step_is_missing(set, i, set.length - 1 - suffix)) ++suffix;
    // Right by (prefix + suffix) / 2 - prefix, which is left by this much (mod length).
    const int64_t left = (prefix - (prefix + suffix) / 2 + set.length) % set.length;
    const auto row = set.row(i);
    std::rotate(row.begin(), row.begin() + left * set.channels, row.end());
  }
  std::fill(set.lengths.begin(), set.lengths.end(), static_cast<int32_t>(set.length));
  set.unequal = false;
  set.missing = std::count_if(set.values.begin(), set.values.end(), [](float v) { return std::isnan(v); });
}

SeriesSet cut_long(const SeriesSet& set, int64_t longest) {
  check_consistent(set);
  MELLOW_CHECK(longest >= 1, "[cut_long] parts need at least 1 step, got ", longest);
  const int64_t parts = set.length / longest;
  if (parts < 2) return set;
  const int64_t base = set.length / parts, longer = set.length % parts;
  SeriesSet out;
  out.name = set.name;
  out.series = set.series * parts;
  out.length = base + (longer > 0);
  out.channels = set.channels;
  out.class_names = set.class_names;
  out.values.assign(static_cast<size_t>(out.series * out.row_size()),
                    std::numeric_limits<float>::quiet_NaN());
  out.lengths.assign(static_cast<size_t>(out.series), static_cast<int32_t>(out.length));
  for (int64_t part = 0; part < parts; ++part) {
    const int64_t from = part * base + std::min(part, longer), steps = base + (part < longer);
    for (int64_t i = 0; i < set.series; ++i)
      std::copy_n(set.row(i).begin() + from * set.channels, steps * set.channels,
                  out.row(part * set.series + i).begin());
    out.labels.insert(out.labels.end(), set.labels.begin(), set.labels.end());
  }
  out.missing = std::count_if(out.values.begin(), out.values.end(), [](float v) { return std::isnan(v); });
  return out;
}

SeriesSet without_empty(const SeriesSet& set) {
  check_consistent(set);
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < set.series; ++i) {
    const auto row = set.row(i);
    if (std::any_of(row.begin(), row.end(), [](float v) { return !std::isnan(v); })) kept.push_back(i);
  }
  return select(set, kept);
}

SeriesSet for_pretraining(const SeriesSet& stored) {
  constexpr int64_t longest = 3000;
  SeriesSet set = cut_long(stored, longest);
  if (needs_centring(set)) centre(set);
  return without_empty(set);
}

void check_trainable(const SeriesSet& set) {
  check_consistent(set);
  const auto fail = [&](const std::string& what) {
    throw Error(text("[data] ", set.name, ": ", what), ErrorKind::input);
  };
  if (set.series == 0 || set.length == 0) fail("no series to train on");
  if (!set.labelled()) fail("training needs class labels, the set has none");
  if (set.class_names.size() < 2)
    fail(text("training needs at least 2 classes, the set has only \"", set.class_names[0], "\""));
  const auto bad =
      std::find_if(set.values.begin(), set.values.end(), [](float v) { return !std::isfinite(v); });
  if (bad == set.values.end()) return;
  const int64_t at = bad - set.values.begin();
  fail(text("value ", *bad, " in series ", at / set.row_size(), ", step ", at % set.row_size() / set.channels,
            ": prepare the set first"));
}

SeriesSet select(const SeriesSet& set, const std::vector<int64_t>& positions) {
  check_consistent(set);
  SeriesSet out;
  out.name = set.name;
  out.series = static_cast<int64_t>(positions.size());
  out.length = set.length;
  out.channels = set.channels;
  out.class_names = set.class_names;
  out.values.reserve(positions.size() * static_cast<size_t>(set.row_size()));
  for (int64_t i : positions) {
    MELLOW_CHECK(i >= 0 && i < set.series, "[select] position ", i, " of ", set.series, " series");
    const auto row = set.row(i);
    const int32_t n = set.lengths[static_cast<size_t>(i)];
    out.values.insert(out.values.end(), row.begin(), row.end());
    out.lengths.push_back(n);
    if (set.labelled()) out.labels.push_back(set.labels[static_cast<size_t>(i)]);
    out.unequal = out.unequal || n < set.length;
    out.missing +=
        std::count_if(row.begin(), row.begin() + n * set.channels, [](float v) { return std::isnan(v); });
  }
  return out;
}

}  // namespace mellow
