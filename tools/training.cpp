// SPDX-License-Identifier: MIT
#include "mellow/tools/training.h"

#include <chrono>
#include <filesystem>

#include <fmt/format.h>
#include <sys/resource.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/io/atomic_file.h"
#include "mellow/engine/nn/state.h"
#include "mellow/engine/optim/adam.h"
#include "mellow/models/make_model.h"
#include "mellow/tools/interrupt.h"
#include "mellow/tools/model_file.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/recipe.h"
#include "mellow/tools/results.h"
#include "mellow/tools/teacher.h"
#include "mellow/tools/version.h"

namespace mellow::tools {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto checkpoint_interval = std::chrono::seconds(60);

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// A job and the folder it writes.
struct Session : TrainingJob {
  RunDirectory& run;
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

std::unique_ptr<Classifier> make_network(const TrainingJob& job) {
  return make_model(job.options.model,
                    {.context = &job.context, .framework = framework_named(job.options.framework)},
                    {.channels = job.data.train.channels,
                     .classes = static_cast<int64_t>(job.data.train.class_names.size()),
                     .length = job.data.train.length,
                     .options = job.options.model_options});
}

// The classifier, what moves its weights, and the sets, alive as long as the Fit that uses them.
struct Learner {
  std::unique_ptr<Classifier> network;
  FlatParameters parameters;
  Adam optimizer;
  std::unique_ptr<Schedule> schedule;
  LabelledSet train, test;
  std::optional<LabelledSet> validation;
  std::unique_ptr<MovingLabels> moving;  // null: labels stay
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
        moving(recipe.moving ? recipe.moving(moving_inputs(s)) : nullptr),
        trainer(student(), train, {.labels = {}, .index = {}, .q1 = recipe.q1, .q2 = recipe.q2},
                recipe.weights, {.batch_size = s.options.batch_size, .seed = s.options.seed}, moving.get()),
        fit(trainer, student(), &test, validation ? &*validation : nullptr,
            {.epochs = s.options.epochs, .evaluate_every = s.options.evaluate_every}) {}

  Student student() { return {*network, parameters, optimizer, *schedule}; }

  MovingInputs moving_inputs(const TrainingJob& job) const {
    return {.context = job.context, .labels = train.labels, .student = parameters, .copy_of = [&] {
              auto copy = make_network(job);
              load_state(*copy, state_of(*network), "a copy of the network");
              return copy;
            }};
  }
};

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
  const auto start = Clock::now();  // evaluations and checkpoints take time, too
  auto saved_at = start;
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
            const int64_t epochs = report.epoch - epochs_before;
            const double speed = static_cast<double>(epochs) / (seconds - seconds_before);
            s.progress.show(
                fmt::format("epoch {}/{}  loss {:.4f}  accuracy {:.4f}  {:.0f} samples/s  {} left",
                            report.epoch, s.options.epochs, report.loss, report.accuracy,
                            speed * static_cast<double>(learner.trainer.samples()),
                            time_left(since(start), epochs, s.options.epochs - report.epoch)));
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
    Json entry = to_json(result);
    if (protocol == Protocol::best_test_at_5) entry["selected_on_test"] = true;
    results[mellow::name_of(protocol)] = std::move(entry);
  }
  return results;
}

// Writes what the selected weights give, then the finished record.
void write_results(const Session& s, Learner& learner) {
  Protocol selected = selected_protocol(s.options);
  if (!learner.fit.has_weights(selected)) {
    s.progress.note(fmt::format(
        "warning: the validation loss was never a number, so there is no {}: the last weights are saved",
        mellow::name_of(selected)));
    selected = Protocol::last;
  }
  learner.fit.select(selected);
  const auto& scaled = learner.fit.results().at(selected).scaled;
  write_safetensors(
      s.run.file("model.safetensors"),
      pack(*learner.network, {.model = s.options.model,
                              .model_options = s.options.model_options,
                              .method = s.options.method,
                              .channels = s.data.train.channels,
                              .length = s.data.train.length,
                              .framework = framework_named(s.options.framework),
                              .class_names = s.data.train.class_names,
                              .tails = s.data.tails,
                              .temperature = scaled ? std::optional(scaled->temperature) : std::nullopt}));
  const auto probabilities = predict(*learner.network, learner.test.x);
  write_file_atomically(s.run.file("predictions.csv"),
                        predictions_csv(s.data.test.labels, s.data.test.class_names, probabilities));
  Json& record = s.run.record();
  note_undefined(record, probabilities, s.data, s.progress);
  record["parameters"] = learner.network->parameter_count();
  record["selected"] = mellow::name_of(selected);
  record["results"] = results_json(learner.fit);
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  record["peak_memory_bytes"] = {{"device", s.context.memory().peak},
                                 {"process", static_cast<int64_t>(use.ru_maxrss) * 1024}};
  s.run.write_record("finished");
}

void train_and_score(const Session& s, std::unique_ptr<Classifier> network) {
  const auto start = Clock::now();
  EncoderOptions encoder = s.options.encoder;
  const std::string encoder_path = s.run.file("encoder.safetensors");
  if (s.run.resumed() && std::filesystem::exists(encoder_path)) encoder.file = encoder_path;
  const auto made = make_recipe(s, encoder, [&] { return teacher_outputs(s, s.run.path()); });
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
    write_file_atomically(
        s.run.file("soft_labels.csv"),
        soft_labels_csv(s.data.positions, s.data.train.labels, s.data.train.class_names, rows));
  Learner learner(s, std::move(network), made.recipe);
  record["preparation_seconds"] = since(start);
  s.run.write_record("running");
  run_epochs(s, learner);
  write_results(s, learner);
}

}  // namespace

void note_undefined(Json& record, const std::vector<double>& probabilities, const TrainingData& data,
                    Progress& progress) {
  const int64_t rows = undefined_rows(probabilities, static_cast<int64_t>(data.test.class_names.size()));
  if (rows == 0) return;
  record["undefined_predictions"] = rows;
  progress.note(undefined_warning(rows, data.test.series));
}

std::unique_ptr<Classifier> checked_network(const TrainingJob& job, const std::string& path) {
  auto network = make_network(job);
  check_given_teacher(job);
  check_given_encoder(job);
  if (job.options.overwrite) refuse_inputs_in(path, job.options);
  return network;
}

FinishedRun run_training(const TrainingJob& job, const std::string& path, Existing existing) {
  const TrainOptions& o = job.options;
  auto network = checked_network(job, path);
  initialize(*network, o.seed);
  RunDirectory run(path, existing,
                   {{"mellow", program_version},
                    {"format_version", 1},
                    {"status", "running"},
                    {"command", job.arguments},
                    {"options", to_json(o, job.method_options, job.context)},
                    {"data", data_record(job.data)},
                    {"device", device_description(job.context)}},
                   {"model.safetensors"});
  if (run.finished()) {
    job.progress.note(path + " is finished already; nothing to do");
    return {path, run.record(), true};
  }
  run.write_record("running");
  try {
    train_and_score({job, run}, std::move(network));
  } catch (const std::exception& error) {
    run.write_end(error);
    throw;
  }
  return {path, run.record()};
}

}  // namespace mellow::tools
