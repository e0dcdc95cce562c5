// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mellow/engine/core/error.h"
#include "mellow/models/make_model.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/interrupt.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/recipe.h"
#include "mellow/tools/results.h"
#include "mellow/tools/streams.h"
#include "mellow/tools/teacher.h"

namespace mellow::tools {
namespace {

struct LabelsCommand {
  TrainOptions job;
  std::string out = "soft_labels.csv";
};

void check_method(const Method& method, const TrainOptions& o) {
  check_teacher_options(method, o);
  if (method.teacher != TeacherKind::none && o.teacher.empty())
    throw Error(fmt::format("mellow labels trains no teacher: method {} needs --teacher RUN here", o.method));
}

int labels(const LabelsCommand& command) {
  const TrainOptions& o = command.job;
  const Method& method = find_method(o.method);
  find_model(o.model);
  const MethodOptions method_options = checked_options(method, o.model, o.method_options);
  check_method(method, o);
  if (!method.uses_encoder(method_options)) refuse_encoder_options(o.encoder, method);
  Progress progress(o.quiet);
  const auto context = make_context(o.device, progress);
  const TrainingData data = open_training_data(o.data, parse_holdout(o.val), o.seed, progress);
  Interrupt interrupt;
  try {
    const TrainingJob job{o, method, method_options, data, *context, progress, interrupt, {}};
    const auto made = make_recipe(job, o.encoder, [&] { return teacher_outputs(job, ""); });
    if (made.recipe.moving)
      throw Error(fmt::format("the labels of method {} move while a network trains: there is no one table",
                              o.method));
    const auto rows = labels_per_sample(made.recipe);
    if (rows.empty())
      throw Error(fmt::format(
          "the labels of method {} depend on the class alone: there is no table per series", o.method));
    write_output(command.out,
                 soft_labels_csv(data.positions, data.train.labels, data.train.class_names, rows));
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
  const auto made = std::make_shared<LabelsCommand>();
  TrainOptions& o = made->job;
  o.method = "rsls";
  add_data_options(command, o.data);
  command.add_option("--method", o.method, "a method with soft labels per series")->type_name("NAME");
  command.add_option("--model", o.model, "whose defaults the method takes")->type_name("NAME");
  command.add_option("--teacher", o.teacher, "trained run for methods that have a teacher")->type_name("RUN");
  command.add_option("--val", o.val, "none or holdout:0.2; as the teacher's")->type_name("HOW");
  add_encoder_options(command, o.encoder);
  add_seed(command, o.seed, "of pretraining and the holdout")->group("Encoder");
  command.add_option("--out", made->out, "CSV: index, label, q_<class>…; - is stdout")->type_name("FILE");
  command.add_flag("--quiet", o.quiet, "no progress on stderr");
  add_device_options(command, o.device);
  add_method_options(command, o.method_options);
  return [made](const auto&) { return labels(*made); };
}

}  // namespace mellow::tools
