// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mellow/engine/core/error.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/interrupt.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/teacher.h"
#include "mellow/tools/training.h"

namespace mellow::tools {
namespace {

void print_results(const Json& record, const std::string& path) {
  const auto& options = record.at("options");
  fmt::print("{}, {}, {}, seed {}: {} epochs in {}, {:.0f} samples/s\n",
             record.at("data").at("name").get<std::string>(), options.at("model").get<std::string>(),
             options.at("method").get<std::string>(), options.at("seed").get<uint64_t>(),
             options.at("epochs").get<int64_t>(), duration_text(record.at("seconds").get<double>()),
             record.at("samples_per_second").get<double>());
  fmt::print("{:<17}{:>6}{:>10}{:>9}{:>9}\n", "protocol", "epoch", "accuracy", "NLL", "ECE");
  for (const auto& [name, result] : record.at("results").items()) {
    const std::string remark = result.contains("selected_on_test") ? "  chosen on test data"
                               : name == record.at("selected")     ? "  saved in model.safetensors"
                                                                   : "";
    fmt::print("{:<17}{:>6}{:>10.4f}{:>9.4f}{:>9.4f}{}\n", name, result.at("epoch").get<int64_t>(),
               result.at("accuracy").get<double>(), result.at("nll").get<double>(),
               result.at("ece").get<double>(), remark);
  }
  fmt::print("{}\n", path);
}

// The command to go on with, for the shell.
std::string resume_command(const std::vector<std::string>& arguments) {
  std::string line = "mellow";
  bool resumes = false;
  for (const std::string& word : arguments) {
    if (word == "--overwrite") continue;
    resumes = resumes || word == "--resume";
    const bool plain = !word.empty() && word.find_first_not_of(
                                            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                            "0123456789_-+=:,./@%") == std::string::npos;
    if (plain) {
      line += ' ' + word;
      continue;
    }
    std::string quoted;
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += " '" + quoted + '\'';
  }
  return resumes ? line : line + " --resume";
}

int train(const TrainOptions& o, const std::vector<std::string>& arguments) {
  if (o.resume && o.overwrite) throw Error("--resume and --overwrite exclude each other");
  const Method& method = find_method(o.method);
  const MethodOptions method_options = checked_options(method, o.model, o.method_options);
  check_teacher_options(method, o);
  selected_protocol(o);
  make_schedule(schedule_options(o));
  Progress progress(o.quiet);
  const auto context = make_context(o.device, progress);
  const TrainingData data = open_training_data(o.data, parse_holdout(o.val), o.seed, progress);
  const Existing existing = o.resume      ? Existing::resume
                            : o.overwrite ? Existing::overwrite
                                          : Existing::refuse;
  Interrupt interrupt;
  try {
    const FinishedRun run =
        run_training({o, method, method_options, data, *context, progress, interrupt, arguments},
                     run_folder(o, data.name), existing);
    if (!run.already) print_results(run.record, run.path);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::cancelled) throw;
    fmt::print(stderr, "interrupted; go on with: {}\n", resume_command(arguments));
    return interrupt.exit_code();
  }
  return 0;
}

}  // namespace

Run train_command(CLI::App& command) {
  const auto options = std::make_shared<TrainOptions>();
  add_train_options(command, *options);
  return [options](const std::vector<std::string>& arguments) {
    if (options->list_methods) print_methods();
    if (options->list_models) print_models();
    return options->list_methods || options->list_models ? 0 : train(*options, arguments);
  };
}

}  // namespace mellow::tools
