// SPDX-License-Identifier: MIT
#include "mellow/tools/train_options.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/io/hash.h"
#include "mellow/engine/io/read_file.h"
#include "mellow/models/make_model.h"
#include "mellow/tools/model_file.h"
#include "mellow/tools/wrap.h"

namespace mellow::tools {
namespace {

constexpr uint64_t largest_network = uint64_t{1} << 32;

// Of a file's contents, which count, not its name; no file: no hash.
std::string contents_hash(const std::string& path) {
  return path.empty() ? "" : hash_bytes(read_file(path, largest_network));
}

void add_model_options(CLI::App& command, TrainOptions& o) {
  const char* group = "Training";
  command.add_option("--model", o.model, "see --list-models")->type_name("NAME")->group(group);
  command.add_option("--method", o.method, "see --list-methods")->type_name("NAME")->group(group);
  command.add_option("--teacher", o.teacher, "trained run, for methods that have a teacher")
      ->type_name("RUN")
      ->group(group);
  add_encoder_options(command, o.encoder);
  command.get_option("--encoder")->group(group);
  add_count(command, "--epochs", o.epochs, 1, "passes over the training set")->group(group);
  add_count(command, "--batch-size", o.batch_size, 1, "series per step")->group(group);
  command.add_option("--lr", o.rate, "learning rate of Adam")
      ->type_name("X")
      ->check([](const std::string& typed) {
        double value = 0;
        const bool fine = CLI::detail::lexical_cast(typed, value) && value > 0 && value <= 10;
        return fine ? std::string() : "must lie in (0, 10], got " + typed;
      })
      ->group(group);
  add_choice(command, "--schedule", o.schedule, {"constant", "plateau", "step", "cosine"}, "of the rate")
      ->group(group);
  command.add_option("--seed", o.seeds, "drives start, order and pretraining")->type_name("N")->group(group);
  add_count(command, "--ensemble", o.ensemble, 1, "networks whose probabilities are averaged")->group(group);
  add_choice(command, "--framework", o.framework, {"torch", "keras"}, "start, norm and Adam of")
      ->group(group);
  command.add_option("--val", o.val, "none or holdout:0.2")->type_name("HOW")->group(group);
  add_choice(command, "--select", o.select, {"last", "best-train-loss", "best-validation"}, "weights to save")
      ->group(group);
  add_count(command, "--evaluate-every", o.evaluate_every, 1, "epochs; 5 or 1 for best_test_at_5")
      ->group(group);
}

void add_run_options(CLI::App& command, TrainOptions& o) {
  const char* group = "Run";
  command.add_option("--out", o.out, "default runs/<dataset>-<model>-<method>-s<seed>")
      ->type_name("DIR")
      ->group(group);
  command.add_flag("--resume", o.resume, "go on where the run in --out stopped")->group(group);
  command.add_flag("--overwrite", o.overwrite, "start anew in --out")->group(group);
  add_count(command, "--checkpoint-every", o.checkpoint_every, 0, "epochs; and about every minute")
      ->group(group);
  add_count(command, "--jobs", o.jobs, 0, "trainings at once, for lists (a,b,c) of them; 0: one per thread")
      ->group(group);
  command.add_flag("--quiet", o.quiet, "no progress on stderr")->group(group);
  add_device_options(command, o.device);
  for (const char* name : {"--device", "--precision", "--threads"}) command.get_option(name)->group(group);
}

// One entry of a list: its name, or nothing, and a text beside it.
void print_listed(const std::string& name, const std::string& listed) {
  constexpr size_t column = 21;
  fmt::print("{:<20} {}\n", name, wrapped(listed, column, column));
}

std::string teacher_text(const Method& method) {
  return fmt::format("teacher: --teacher RUN{}{}",
                     method.teacher == TeacherKind::own ? ", else the same model trained first" : "",
                     method.needs_validation ? "; needs --val" : "");
}

std::string default_text(const MethodOption& option) {
  if (option.choices.empty()) return fmt::format("{}", option.value);
  return fmt::format("{} ({})", option.choice, fmt::join(option.choices, ", "));
}

}  // namespace

void add_train_options(CLI::App& command, TrainOptions& o) {
  // Those that --model and --method name in their help need no line of their own.
  command.add_flag("--list-methods", o.list_methods, "methods, formulas, options; then exit")->group("");
  command.add_flag("--list-models", o.list_models, "models; then exit")->group("");
  add_data_options(command, o.data);
  add_model_options(command, o);
  add_run_options(command, o);
  add_network_options(command, o.model_options);
  add_method_options(command, o.method_options);
}

ScheduleOptions schedule_options(const TrainOptions& o) {
  ScheduleOptions schedule = {.name = o.schedule, .rate = o.rate, .epochs = o.epochs};
  schedule.lowest = o.schedule == "cosine" ? 0 : o.rate / 10;
  if (o.schedule == "step") {
    schedule.factor = 0.1;
    schedule.at = {o.epochs / 2, o.epochs * 3 / 4};
  }
  return schedule;
}

Protocol selected_protocol(const TrainOptions& o) {
  const bool validated = o.val != "none";
  if (o.select == "best-validation" && !validated)
    throw Error("--select best-validation needs --val holdout:0.2 (or another share)");
  if (o.select.empty()) return validated ? Protocol::best_validation : Protocol::best_train_loss;
  if (o.select == "last") return Protocol::last;
  return o.select == "best-validation" ? Protocol::best_validation : Protocol::best_train_loss;
}

Existing existing_run(const TrainOptions& o) {
  return o.resume ? Existing::resume : o.overwrite ? Existing::overwrite : Existing::refuse;
}

void refuse_inputs_in(const std::string& folder, const TrainOptions& o) {
  const std::pair<const char*, const std::string&> inputs[] = {{"--teacher", o.teacher},
                                                               {"--encoder", o.encoder.file},
                                                               {"--train", o.data.train},
                                                               {"--test", o.data.test}};
  for (const auto& [option, path] : inputs)
    if (would_remove(folder, path))
      throw Error(fmt::format("{} {} lies in {}, which --overwrite clears: choose another --out", option,
                              path, folder));
}

std::string runs_folder(const TrainOptions& o) { return o.out.empty() ? "runs" : o.out; }

std::string run_folder(const TrainOptions& o, const std::string& dataset) {
  if (!o.out.empty() && !o.own_folder) return o.out;
  return fmt::format("{}/{}-{}-{}-s{}", runs_folder(o), dataset, o.model, o.method, o.seed);
}

Json to_json(const TrainOptions& o, const MethodOptions& method_options, const Context& context) {
  Json method = Json::object();
  for (const auto& [name, value] : method_options.numbers) method[name] = value;
  for (const auto& [name, value] : method_options.choices) method[name] = value;
  return {{"model", o.model},
          {"model_options", o.model_options},
          {"method", o.method},
          {"method_options", method},
          {"epochs", o.epochs},
          {"batch_size", o.batch_size},
          {"lr", o.rate},
          {"schedule", o.schedule},
          {"seed", o.seed},
          {"framework", o.framework},
          {"val", o.val},
          {"evaluate_every", o.evaluate_every},
          {"select", mellow::name_of(selected_protocol(o))},
          {"encoder", contents_hash(o.encoder.file)},
          {"teacher", o.teacher.empty() ? "" : contents_hash(model_path(o.teacher))},
          {"pretrain_iterations", o.encoder.iterations},
          {"pretrain_batch", o.encoder.batch_size},
          {"enc_norm", o.encoder.normalisation},
          {"device", mellow::name_of(context.device())},
          {"precision", mellow::name_of(context.precision())},
          {"threads", context.threads()}};
}

void print_methods() {
  for (const Method& method : methods()) {
    print_listed(method.name, method.formula);
    print_listed("", method.paper);
    if (method.teacher != TeacherKind::none) print_listed("", teacher_text(method));
    for (const MethodOption& option : method.options)
      print_listed("", fmt::format("--{} {}: {}", option.name, default_text(option), option.help));
  }
}

void print_models() {
  for (const ModelEntry& model : model_entries()) {
    print_listed(model.name, model.summary);
    for (const ModelOption& option : model.options)
      print_listed("", fmt::format("--{} {} ({}): {}", option.name, option.value,
                                   fmt::join(option.choices, ", "), option.help));
  }
}

}  // namespace mellow::tools
