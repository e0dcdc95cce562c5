// SPDX-License-Identifier: MIT
#include "mellow/engine/train/evaluate.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mellow/data/readers.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/train/class_separation.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/dataset.h"
#include "mellow/tools/model_file.h"
#include "mellow/tools/options.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/results.h"
#include "mellow/tools/streams.h"

namespace mellow::tools {
namespace {

struct EvaluateCommand {
  DeviceOptions device;
  std::string model, in, reliability, confusion;
  bool json = false, features = false;
};

// What a model says of labelled series, once as it is and once with its temperature where it has one.
struct Scored {
  const ModelDescription& model;
  const std::vector<int32_t>& labels;
  std::vector<double> probabilities, scaled;

  Scored(const ModelDescription& description, const SeriesSet& set, const std::vector<float>& logits)
      : model(description),
        labels(set.labels),
        probabilities(probabilities_of(logits, classes())),
        scaled(model.temperature ? probabilities_of(logits, classes(), *model.temperature)
                                 : std::vector<double>()) {}
  int64_t classes() const { return static_cast<int64_t>(model.class_names.size()); }
};

Json record_of(const Scored& s) {
  Json record = {{"series", s.labels.size()}};
  record.update(to_json(score(s.probabilities, s.labels, s.classes())));
  if (s.model.temperature) {
    record["temperature"] = *s.model.temperature;
    record["temperature_scaled"] = to_json(score(s.scaled, s.labels, s.classes()));
  }
  return record;
}

void write_files(const Scored& s, const EvaluateCommand& o) {
  if (!o.reliability.empty()) {
    std::vector<ReliabilityBin> scaled;
    if (!s.scaled.empty()) scaled = reliability(s.scaled, s.labels, s.classes());
    write_output(o.reliability, reliability_csv(reliability(s.probabilities, s.labels, s.classes()), scaled));
  }
  if (!o.confusion.empty()) {
    const auto predicted = predictions_of(s.probabilities, s.classes());
    write_output(o.confusion,
                 confusion_csv(confusion_matrix(predicted, s.labels, s.classes()), s.model.class_names));
  }
}

void print_table(const Json& record) {
  const Json scaled = record.value("temperature_scaled", Json::object());
  fmt::print("{:<16}{:>8}", "series", record.at("series").get<size_t>());
  if (!scaled.empty())
    fmt::print("{:>12}", fmt::format("T = {:.4f}", record.at("temperature").get<double>()));
  fmt::print("\n");
  Json rows = to_json(Metrics{});  // their names, in order
  for (const auto& entry : rows.items()) entry.value() = record.at(entry.key());
  rows.update(record.value("features", Json::object()));
  for (const auto& [name, value] : rows.items()) {
    fmt::print("{:<16}{:>8.4f}", name, value.get<double>());
    if (scaled.contains(name)) fmt::print("{:>12.4f}", scaled.at(name).get<double>());
    fmt::print("\n");
  }
}

int evaluate(const EvaluateCommand& o) {
  Progress progress(true);
  const auto context = make_context(o.device, progress);
  const auto networks = read_models(*context, o.model);
  const LoadedModel& model = networks.front();
  if (o.features && networks.size() > 1)
    throw Error(o.model + " is an ensemble: --features looks into one network, as of " +
                member_path(o.model, 0));
  SeriesSet set =
      read_series(o.in, {.classes = &model.description.class_names, .tails = model.description.tails});
  if (!set.labelled() || set.series == 0)
    throw Error(o.in + " has no labelled series to score; use mellow predict", ErrorKind::input);
  prepare_for_model(model.description, set);
  const Tensor x = to_device(*context, set);
  ModelDescription description = model.description;
  if (networks.size() > 1) description.temperature.reset();  // each network's own, not the mean's
  const Scored scored(description, set, pooled_logits(networks, x));
  if (const int64_t rows = undefined_rows(scored.probabilities, scored.classes()); rows > 0)
    fmt::print(stderr, "{}\n", undefined_warning(rows, set.series));
  Json record = record_of(scored);
  if (o.features) record["features"] = to_json(class_separation(features_of(*model.network, x), set.labels));
  write_files(scored, o);
  if (o.json) {
    fmt::print("{}\n", record.dump(2));
  } else {
    print_table(record);
  }
  return 0;
}

}  // namespace

Run evaluate_command(CLI::App& command) {
  const auto o = std::make_shared<EvaluateCommand>();
  command.add_option("model", o->model, "a run directory, an ensemble's, or a model.safetensors")
      ->type_name("RUN")
      ->required();
  command.add_option("--in", o->in, "labelled series")->type_name("FILE")->required();
  command.add_flag("--json", o->json, "print JSON instead of a table");
  command.add_flag("--features", o->features, "also how far apart the classes are in the penultimate layer");
  command.add_option("--reliability", o->reliability, "CSV of the 15 bins of the ECE; - is stdout")
      ->type_name("FILE");
  command.add_option("--confusion", o->confusion, "CSV of counts by label and prediction; - is stdout")
      ->type_name("FILE");
  add_device_options(command, o->device);
  return [o](const auto&) { return evaluate(*o); };
}

}  // namespace mellow::tools
