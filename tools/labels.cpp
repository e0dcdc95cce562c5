// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mellow/engine/core/error.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/interrupt.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/recipe.h"
#include "mellow/tools/run_directory.h"
#include "mellow/tools/streams.h"

namespace mellow::tools {
namespace {

struct LabelsCommand {
  DataOptions data;
  DeviceOptions device;
  EncoderOptions encoder;
  std::string method = "rsls", model = "inception-time", out = "soft_labels.csv";
  std::map<std::string, std::string> method_options;
  uint64_t seed = 0;
  bool quiet = false;
};

int labels(const LabelsCommand& o) {
  const Method& method = find_method(o.method);
  const MethodOptions method_options = checked_options(method, o.model, o.method_options);
  Progress progress(o.quiet);
  const auto context = make_context(o.device, progress);
  const TrainingData data = open_training_data(o.data, 0, o.seed, progress);
  Interrupt interrupt;
  try {
    const auto made = make_recipe(*context, method, method_options, data, o.encoder, o.seed, progress,
                                  [&] { return interrupt.requested(); });
    const auto rows = labels_per_sample(made.recipe);
    if (rows.empty())
      throw Error(fmt::format("the labels of method {} hang on the class alone: there is no table per series",
                              o.method));
    write_output(o.out, soft_labels_csv(data.train.labels, data.train.class_names, rows));
    double furthest = 0;
    const double uniform = 1 / static_cast<double>(data.train.class_names.size());
    for (const float q : rows) furthest = std::max(furthest, std::abs(double{q} - uniform));
    fmt::print(stderr, "largest distance from uniform: {:.3g}\n", furthest);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::cancelled) throw;
    fmt::print(stderr, "interrupted; nothing was written\n");
    return interrupt.exit_code();
  }
  return 0;
}

}  // namespace

Run labels_command(CLI::App& command) {
  const auto o = std::make_shared<LabelsCommand>();
  add_data_options(command, o->data);
  command.add_option("--method", o->method, "a method with soft labels per series")->type_name("NAME");
  command.add_option("--model", o->model, "whose defaults the method takes")->type_name("NAME");
  add_encoder_options(command, o->encoder);
  command.add_option("--seed", o->seed, "of pretraining")->type_name("N")->group("Encoder");
  command.add_option("--out", o->out, "CSV: index, label, q_<class>…; - is stdout")->type_name("FILE");
  command.add_flag("--quiet", o->quiet, "no progress on stderr");
  add_device_options(command, o->device);
  add_method_options(command, o->method_options);
  return [o](const auto&) { return labels(*o); };
}

}  // namespace mellow::tools
