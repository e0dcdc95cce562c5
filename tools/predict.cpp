// SPDX-License-Identifier: MIT
#include <string_view>

#include <CLI/CLI.hpp>

#include "mellow/data/readers.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/io/read_file.h"
#include "mellow/engine/train/evaluate.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/dataset.h"
#include "mellow/tools/model_file.h"
#include "mellow/tools/options.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/results.h"
#include "mellow/tools/streams.h"

namespace mellow::tools {
namespace {

struct PredictCommand {
  DeviceOptions device;
  std::string model, in = "-", out = "-", format = "csv";
  bool unlabelled = false, temperature_scaled = false;
};

// Fields of the first line that has any: commas, tabs and runs of spaces separate.
int64_t columns_of(std::string_view text) {
  int64_t fields = 0;
  bool inside = false;
  for (const char c : text) {
    if (c == '\n' && fields > 0) break;
    const bool separator = c == ',' || c == '\t' || c == ' ' || c == '\r' || c == '\n';
    if (!separator && !inside) ++fields;
    inside = !separator;
  }
  return fields;
}

int predict(const PredictCommand& o) {
  Progress progress(true);
  const auto context = make_context(o.device, progress);
  const auto networks = read_models(*context, o.model);
  const LoadedModel& model = networks.front();
  const auto& names = model.description.class_names;
  if (o.temperature_scaled && !model.description.temperature)
    throw Error(
        o.model + " has no temperature: train with --val holdout:0.2, or leave out --temperature-scaled",
        ErrorKind::input);
  if (o.temperature_scaled && networks.size() > 1)
    throw Error(o.model + " is an ensemble, which has no temperature: leave out --temperature-scaled",
                ErrorKind::input);
  const bool from_stdin = o.in == "-";
  const std::string bytes = from_stdin ? read_stdin() : read_file(o.in);
  const Format format = format_of(from_stdin ? "stdin." + o.format : o.in);
  // A file with exactly as many columns as the model has steps has no column left for labels.
  const bool table = format == Format::csv || format == Format::tsv || format == Format::txt;
  const bool no_labels = o.unlabelled || (table && columns_of(bytes) == model.description.length);
  SeriesSet set = read_series(bytes, format, from_stdin ? "stdin" : o.in,
                              {.label_column = !no_labels, .tails = model.description.tails});
  prepare_for_model(model.description, set);
  const Tensor x = to_device(*context, set);
  const auto probabilities = probabilities_of(pooled_logits(networks, x), static_cast<int64_t>(names.size()),
                                              o.temperature_scaled ? *model.description.temperature : 1);
  write_output(o.out, predictions_csv({}, names, probabilities));
  return 0;
}

}  // namespace

Run predict_command(CLI::App& command) {
  const auto o = std::make_shared<PredictCommand>();
  command.add_option("model", o->model, "a run directory, an ensemble's, or a model.safetensors")
      ->type_name("RUN")
      ->required();
  command.add_option("--in", o->in, "series; - is stdin")->type_name("FILE");
  command.add_option("--out", o->out, "CSV: index, predicted, p_<label>…; - is stdout")->type_name("FILE");
  add_choice(command, "--format", o->format, {"csv", "tsv", "txt", "ts", "arff"}, "of stdin");
  command.add_flag("--unlabelled", o->unlabelled, "the first column is a value, not a label");
  command.add_flag("--temperature-scaled", o->temperature_scaled,
                   "probabilities at the temperature fitted to the validation series");
  add_device_options(command, o->device);
  return [o](const auto&) { return predict(*o); };
}

}  // namespace mellow::tools
