// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mellow/engine/core/error.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/ensemble.h"
#include "mellow/tools/interrupt.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/run_many.h"
#include "mellow/tools/run_plan.h"
#include "mellow/tools/summary.h"

namespace mellow::tools {
namespace {

void print_results(const RunSummary& run, const std::string& path) {
  fmt::print("{}, {}, {}, seed {}{}: {} epochs in {}\n", run.dataset, run.model, run.method, run.seed,
             run.members > 1 ? fmt::format(", {} networks", run.members) : "", run.epochs,
             duration_text(run.seconds));
  fmt::print("{:<17}{:>6}{:>10}{:>9}{:>9}\n", "protocol", "epoch", "accuracy", "NLL", "ECE");
  for (const RunScores& s : run.scores) {
    const std::string remark = s.on_test                    ? "  chosen on test data"
                               : run.members > 1            ? "  of the averaged probabilities"
                               : s.protocol == run.selected ? "  saved in model.safetensors"
                                                            : "";
    fmt::print("{:<17}{:>6}{:>10.4f}{:>9.4f}{:>9.4f}{}\n", s.protocol,
               s.epoch ? std::to_string(*s.epoch) : "-", s.accuracy, s.nll, s.ece, remark);
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

// One line per run; returns how many failed.
int print_outcomes(const std::vector<PlannedRun>& plan, const std::vector<Outcome>& outcomes) {
  int failed = 0;
  fmt::print("{:<24} {:<17} {:<17} {:>4}  {:<16}{:>9}{:>9}{:>9}\n", "dataset", "model", "method", "seed",
             "protocol", "accuracy", "NLL", "ECE");
  for (size_t i = 0; i < plan.size(); ++i) {
    const TrainOptions& o = plan[i].options;
    fmt::print("{:<24} {:<17} {:<17} {:>4}  ", o.data.dataset, o.model, o.method, o.seed);
    if (!outcomes[i].run) {
      ++failed;
      fmt::print("failed: {}\n", outcomes[i].error);
      continue;
    }
    const RunSummary run = outcomes[i].summary();
    const RunScores& scores = run.selected_scores();
    fmt::print("{:<16}{:>9.4f}{:>9.4f}{:>9.4f}\n", scores.protocol, scores.accuracy, scores.nll, scores.ece);
  }
  return failed;
}

// One after another, each with its networks `jobs` at a time. One that fails does not stop the others.
std::vector<Outcome> run_ensembles(const TrainOptions& o, const std::vector<PlannedRun>& plan,
                                   Progress& progress, Interrupt& interrupt,
                                   const std::vector<std::string>& arguments) {
  std::vector<Outcome> outcomes;
  for (const PlannedRun& run : plan) {
    outcomes.push_back(
        outcome_of([&] { return run_ensemble(run, o.ensemble, o.jobs, progress, interrupt, arguments); }));
    if (!outcomes.back().run) progress.note("failed: " + outcomes.back().error);
  }
  return outcomes;
}

int train_all(const TrainOptions& o, const std::vector<PlannedRun>& plan, Progress& progress,
              Interrupt& interrupt, const std::vector<std::string>& arguments) {
  if (plan.size() == 1) {
    const FinishedRun done = o.ensemble > 1
                                 ? run_ensemble(plan[0], o.ensemble, o.jobs, progress, interrupt, arguments)
                                 : run_one(plan[0], progress, interrupt, arguments);
    if (!done.already) print_results(summary_of(done.record, done.path), done.path);
    return 0;
  }
  const auto outcomes = o.ensemble > 1 ? run_ensembles(o, plan, progress, interrupt, arguments)
                                       : run_many(plan, o.jobs, progress, interrupt, arguments);
  const int failed = print_outcomes(plan, outcomes);
  write_summary(runs_folder(o), progress);
  return failed > 0 ? 1 : 0;
}

int train(const TrainOptions& o, const std::vector<std::string>& arguments) {
  if (o.resume && o.overwrite) throw Error("--resume and --overwrite exclude each other");
  const auto plan = plan_runs(o);
  if (o.overwrite && plan.size() > 1)  // one run's input may lie in another's folder
    for (const PlannedRun& run : plan) refuse_inputs_in(run_folder(run.options, run.options.data.dataset), o);
  Progress progress(o.quiet);
  Interrupt interrupt;
  try {
    return train_all(o, plan, progress, interrupt, arguments);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::cancelled) throw;
    fmt::print(stderr, "interrupted; go on with: {}\n", resume_command(arguments));
    return interrupt.exit_code();
  }
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
