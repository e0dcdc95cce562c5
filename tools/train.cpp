// SPDX-License-Identifier: MIT
#include <chrono>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/io/atomic_file.h"
#include "mellow/engine/optim/adam.h"
#include "mellow/models/make_model.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/interrupt.h"
#include "mellow/tools/model_file.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/recipe.h"
#include "mellow/tools/train_options.h"
#include "mellow/tools/version.h"

namespace mellow::tools {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto checkpoint_interval = std::chrono::seconds(60);

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Everything one training works with.
struct Session {
  const TrainOptions& options;
  const Method& method;
  const MethodOptions& method_options;
  const TrainingData& data;
  Context& context;
  RunDirectory& run;
  Progress& progress;
  Interrupt& interrupt;
};

Json data_record(const TrainingData& data) {
  return {{"name", data.name},
          {"train_hash", data.train_hash},
          {"test_hash", data.test_hash},
          {"train_series", data.train.series},
          {"validation_series", data.validation.series},
          {"test_series", data.test.series},
          {"length", data.train.length},
          {"channels", data.train.channels},
          {"classes", data.train.class_names},
          {"adjusted_copy", data.adjusted},
          {"normalisation", "zscore"},
          {"filled_values", data.prepared.filled},
          {"padded_series", data.prepared.padded},
          {"constant_series", data.prepared.constant}};
}

// The classifier, what moves its weights, and the sets, alive as long as the Fit that uses them.
struct Learner {
  std::unique_ptr<Classifier> network;
  FlatParameters parameters;
  Adam optimizer;
  std::unique_ptr<Schedule> schedule;
  LabelledSet train, test;
  std::optional<LabelledSet> validation;
  Trainer trainer;
  Fit fit;

  Learner(const Session& s, std::unique_ptr<Classifier> made, const Recipe& recipe)
      : network(std::move(made)),
        parameters(*network),
        optimizer(parameters, adam_defaults(framework_named(s.options.framework))),
        schedule(make_schedule(schedule_options(s.options))),
        train(labelled_set(s.context, s.data.train)),
        test(labelled_set(s.context, s.data.test)),
        validation(s.data.validation.series > 0 ? std::optional(labelled_set(s.context, s.data.validation))
                                                : std::nullopt),
        trainer(student(), train, {.labels = {}, .index = {}, .q1 = recipe.q1, .q2 = recipe.q2},
                recipe.weights, {.batch_size = s.options.batch_size, .seed = s.options.seed}),
        fit(trainer, student(), &test, validation ? &*validation : nullptr,
            {.epochs = s.options.epochs, .evaluate_every = s.options.evaluate_every}) {}

  Student student() { return {*network, parameters, optimizer, *schedule}; }
};

std::unique_ptr<Classifier> fresh_network(const TrainOptions& o, const TrainingData& data, Context& context) {
  auto network = make_model(o.model, {.context = &context, .framework = framework_named(o.framework)},
                            {.channels = data.train.channels,
                             .classes = static_cast<int64_t>(data.train.class_names.size()),
                             .length = data.train.length});
  initialize(*network, o.seed);
  return network;
}

// Runs the epochs, with progress, metrics.csv and checkpoints. Throws ErrorKind::cancelled after an
// interrupt.
void run_epochs(const Session& s, Learner& learner) {
  double seconds = 0;
  const auto checkpoint = s.run.checkpoint();
  if (checkpoint) {
    learner.fit.load(*checkpoint, s.run.file("checkpoint.safetensors"));
    seconds = seconds_of(*checkpoint);
    s.progress.note(fmt::format("resumed after epoch {}", learner.trainer.epoch()));
  }
  s.run.open_metrics(checkpoint);
  const double seconds_before = seconds;
  const int64_t epochs_before = learner.trainer.epoch();
  auto saved_at = Clock::now();
  bool epoch_due = false;
  const auto save = [&] {
    s.run.save_checkpoint(learner.fit.save(), seconds);
    saved_at = Clock::now();
    epoch_due = false;
  };
  const FitEvents events = {
      .epoch =
          [&](const EpochReport& report) {
            seconds += report.seconds;
            const int64_t every = s.options.checkpoint_every;
            epoch_due = epoch_due || (every > 0 && report.epoch % every == 0);
            if (!s.progress.due()) return;
            const double speed =
                static_cast<double>(report.epoch - epochs_before) / (seconds - seconds_before);
            s.progress.show(
                fmt::format("epoch {}/{}  loss {:.4f}  accuracy {:.4f}  {:.0f} samples/s  {} left",
                            report.epoch, s.options.epochs, report.loss, report.accuracy,
                            speed * static_cast<double>(learner.trainer.samples()),
                            duration_text(static_cast<double>(s.options.epochs - report.epoch) / speed)));
          },
      .evaluation = [&](const EvaluationReport& report) { s.run.add_metrics(report, seconds); },
      // Between steps everything is consistent: the moment to save.
      .stop =
          [&] {
            if (epoch_due || Clock::now() - saved_at > checkpoint_interval) save();
            return s.interrupt.requested();
          }};
  if (!learner.fit.run(events)) {
    save();
    throw Error("interrupted", ErrorKind::cancelled);
  }
  save();
  s.run.record()["seconds"] = seconds;
  const double spent = seconds - seconds_before;  // 0 when a resumed run had only its results left to write
  const auto samples = static_cast<double>((s.options.epochs - epochs_before) * learner.trainer.samples());
  s.run.record()["samples_per_second"] = spent > 0 ? samples / spent : 0;
}

Json results_json(const Fit& fit) {
  Json results = Json::object();
  for (const auto& [protocol, result] : fit.results()) {
    Json entry = {{"epoch", result.epoch}};
    entry.update(to_json(result.test));
    if (protocol == Protocol::best_test_at_5) entry["selected_on_test"] = true;
    results[mellow::name_of(protocol)] = std::move(entry);
  }
  return results;
}

// Writes what the selected weights give, then the finished record.
void write_results(const Session& s, Learner& learner) {
  learner.fit.select(selected_protocol(s.options));
  write_safetensors(s.run.file("model.safetensors"),
                    pack(*learner.network, {.model = s.options.model,
                                            .method = s.options.method,
                                            .channels = s.data.train.channels,
                                            .length = s.data.train.length,
                                            .framework = framework_named(s.options.framework),
                                            .class_names = s.data.train.class_names}));
  write_file_atomically(s.run.file("predictions.csv"),
                        predictions_csv(s.data.test.labels, s.data.test.class_names,
                                        predict(*learner.network, learner.test.x)));
  Json& record = s.run.record();
  record["parameters"] = learner.network->parameter_count();
  record["selected"] = mellow::name_of(selected_protocol(s.options));
  record["results"] = results_json(learner.fit);
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  record["peak_memory_bytes"] = {{"device", s.context.memory().peak},
                                 {"process", static_cast<int64_t>(use.ru_maxrss) * 1024}};
  s.run.write_record("finished");
}

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

void run_training(const Session& s, std::unique_ptr<Classifier> network) {
  const auto start = Clock::now();
  EncoderOptions encoder = s.options.encoder;
  const std::string encoder_path = s.run.file("encoder.safetensors");
  if (s.run.resumed() && std::filesystem::exists(encoder_path)) encoder.file = encoder_path;
  const auto made = make_recipe(s.context, s.method, s.method_options, s.data, encoder, s.options.seed,
                                s.progress, [&] { return s.interrupt.requested(); });
  Json& record = s.run.record();
  record["method"] = {{"formula", s.method.formula}, {"paper", s.method.paper}};
  for (const auto& [name, value] : made.recipe.report) {
    record["method"][name] = value;
    s.progress.note(fmt::format("{}: {} {:.6g}", s.method.name, name, value));
  }
  if (made.encoder) {
    write_safetensors(encoder_path, pack(*made.encoder));
    record["encoder"] = {{"reused", made.encoder->reused}, {"normalisation", made.encoder->normalisation}};
  }
  if (const auto rows = labels_per_sample(made.recipe); !rows.empty())
    write_file_atomically(s.run.file("soft_labels.csv"),
                          soft_labels_csv(s.data.train.labels, s.data.train.class_names, rows));
  Learner learner(s, std::move(network), made.recipe);
  record["preparation_seconds"] = since(start);
  s.run.write_record("running");
  run_epochs(s, learner);
  write_results(s, learner);
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
  selected_protocol(o);
  make_schedule(schedule_options(o));
  Progress progress(o.quiet);
  const auto context = make_context(o.device, progress);
  const TrainingData data = open_training_data(o.data, parse_holdout(o.val), o.seed, progress);
  auto network = fresh_network(o, data, *context);
  const std::string path = run_folder(o, data.name);
  RunDirectory run(path,
                   o.resume      ? Existing::resume
                   : o.overwrite ? Existing::overwrite
                                 : Existing::refuse,
                   {{"mellow", program_version},
                    {"format_version", 1},
                    {"status", "running"},
                    {"command", arguments},
                    {"options", to_json(o, method_options, *context)},
                    {"data", data_record(data)},
                    {"device", device_description(*context)}});
  if (run.finished()) {
    progress.note(path + " is finished already; nothing to do");
    return 0;
  }
  run.write_record("running");
  Interrupt interrupt;
  try {
    run_training({o, method, method_options, data, *context, run, progress, interrupt}, std::move(network));
  } catch (const std::exception& error) {
    const auto* known = dynamic_cast<const Error*>(&error);
    const bool cancelled = known != nullptr && known->kind() == ErrorKind::cancelled;
    if (!cancelled) run.record()["error"] = error.what();
    run.write_record(cancelled ? "interrupted" : "failed");
    if (!cancelled) throw;
    fmt::print(stderr, "interrupted; go on with: {}\n", resume_command(arguments));
    return interrupt.exit_code();
  }
  print_results(run.record(), path);
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
