// SPDX-License-Identifier: MIT
#include "mellow/tools/dataset.h"

#include <numeric>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "mellow/data/dataset.h"
#include "mellow/data/readers.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/core/parse_number.h"
#include "mellow/engine/io/hash.h"
#include "mellow/tools/progress.h"

namespace mellow::tools {
namespace {

SplitPair read_named(const DataOptions& options) {
  const bool files = !options.train.empty() || !options.test.empty();
  if (files == !options.dataset.empty())
    throw Error("name the data: --data DIR --dataset NAME, or --train FILE --test FILE");
  if (files) {
    if (options.train.empty() || options.test.empty())
      throw Error("--train FILE and --test FILE come together; one is missing");
    return read_splits(options.train, options.test);
  }
  if (options.folder.empty()) throw Error("--dataset needs its folder: --data DIR, or $MELLOW_DATA");
  return read_dataset(options.folder, options.dataset, AdjustedCopies::preferred);
}

std::string described(const TrainingData& data) {
  std::string out =
      fmt::format("{}: {} series to train on, {} to test on, {} steps, {} channel{}, {} classes", data.name,
                  data.train.series, data.test.series, data.train.length, data.train.channels,
                  data.train.channels == 1 ? "" : "s", data.train.class_names.size());
  if (data.validation.series > 0) out += fmt::format(", {} held out for validation", data.validation.series);
  if (data.adjusted) out += "; the archive's adjusted copy";
  out += "; each series z-normalised";
  if (data.prepared.filled > 0) out += fmt::format(", {} missing values filled", data.prepared.filled);
  if (data.prepared.padded > 0) out += fmt::format(", {} series padded with zeros", data.prepared.padded);
  if (data.prepared.constant > 0) out += fmt::format(", {} constant series", data.prepared.constant);
  if (data.prepared.empty > 0) out += fmt::format(", {} series without any value", data.prepared.empty);
  return out;
}

}  // namespace

TrainingData open_training_data(const DataOptions& options, double holdout, uint64_t seed, Progress& progress,
                                bool keep_stored_test) {
  SplitPair pair = read_named(options);
  TrainingData data;
  data.name = options.dataset.empty() ? pair.train.name : options.dataset;
  data.adjusted = pair.adjusted;
  data.tails = pair.tails;
  data.train_hash = hash_of(pair.train);
  data.test_hash = hash_of(pair.test);
  data.positions.resize(static_cast<size_t>(pair.train.series));
  std::iota(data.positions.begin(), data.positions.end(), 0);
  if (holdout > 0) {
    Holdout parts = stratified_holdout(pair.train, holdout, seed);
    data.validation = select(pair.train, parts.held_out);
    pair.train = select(pair.train, parts.kept);
    prepare_for_classifier(data.validation);
    data.positions = std::move(parts.kept);
  }
  data.stored = pair.train;
  data.stored.name = data.name;
  if (keep_stored_test) data.stored_test = pair.test;
  data.train = std::move(pair.train);
  data.test = std::move(pair.test);
  data.prepared = prepare_for_classifier(data.train);
  prepare_for_classifier(data.test);
  check_trainable(data.train);
  if (data.test.series == 0) throw Error("the test split has no series", ErrorKind::input);
  progress.note(described(data));
  return data;
}

double parse_holdout(const std::string& text) {
  constexpr std::string_view prefix = "holdout:";
  if (text == "none") return 0;
  if (text.starts_with(prefix))
    if (const auto share = parse_number<double>(text.substr(prefix.size()));
        share && *share > 0 && *share < 1)
      return *share;
  throw Error(
      fmt::format("--val is none or holdout:SHARE with a share between 0 and 1 (holdout:0.2); got {}", text));
}

std::string hash_of(const SeriesSet& set) {
  Hasher hasher;
  for (const int64_t n : {set.series, set.length, set.channels}) hasher.update(static_cast<uint64_t>(n));
  hasher.update(std::as_bytes(std::span(set.values)));
  hasher.update(std::as_bytes(std::span(set.labels)));
  for (const std::string& name : set.class_names) hasher.update(uint64_t{name.size()}).update(name);
  return hasher.hex();
}

Tensor to_device(Context& context, const SeriesSet& set) {
  return Tensor::from(context, {set.series, set.length, set.channels}, set.values);
}

LabelledSet labelled_set(Context& context, const SeriesSet& set) {
  return make_labelled_set(context, {set.series, set.length, set.channels}, set.values, set.labels,
                           static_cast<int64_t>(set.class_names.size()));
}

}  // namespace mellow::tools
