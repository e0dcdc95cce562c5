// SPDX-License-Identifier: MIT
#include "mellow/engine/train/evaluate.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mellow/data/readers.h"
#include "mellow/engine/core/error.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/dataset.h"
#include "mellow/tools/model_file.h"
#include "mellow/tools/options.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/run_directory.h"

namespace mellow::tools {
namespace {

struct EvaluateCommand {
  DeviceOptions device;
  std::string model, in;
  bool json = false;
};

int evaluate(const EvaluateCommand& o) {
  Progress progress(true);
  const auto context = make_context(o.device, progress);
  const LoadedModel model = read_model(*context, o.model);
  SeriesSet set = read_series(o.in, {.classes = &model.description.class_names});
  if (!set.labelled() || set.series == 0)
    throw Error(o.in + " has no labelled series to score; use mellow predict", ErrorKind::input);
  prepare_for_model(model.description, set);
  const auto classes = static_cast<int64_t>(model.description.class_names.size());
  const Tensor x = to_device(*context, set);
  const Json scores = to_json(score(predict(*model.network, x), set.labels, classes));
  if (o.json) {
    Json record = {{"series", set.series}};
    record.update(scores);
    fmt::print("{}\n", record.dump(2));
    return 0;
  }
  fmt::print("{:<10}{:>8}\n", "series", set.series);
  for (const auto& [name, value] : scores.items()) fmt::print("{:<10}{:>8.4f}\n", name, value.get<double>());
  return 0;
}

}  // namespace

Run evaluate_command(CLI::App& command) {
  const auto o = std::make_shared<EvaluateCommand>();
  command.add_option("model", o->model, "a run directory or a model.safetensors")
      ->type_name("RUN")
      ->required();
  command.add_option("--in", o->in, "labelled series")->type_name("FILE")->required();
  command.add_flag("--json", o->json, "print JSON instead of a table");
  add_device_options(command, o->device);
  return [o](const auto&) { return evaluate(*o); };
}

}  // namespace mellow::tools
