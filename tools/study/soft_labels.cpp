// SPDX-License-Identifier: MIT
#include "mellow/tools/study/soft_labels.h"

#include <CLI/CLI.hpp>

#include "mellow/tools/run_plan.h"
#include "mellow/tools/study/training_table.h"

namespace mellow::tools {
namespace {

// Small training sets, so that three seeds take two to three hours on two cores; from two to eighteen
// classes.
constexpr const char* small_sets = "ArrowHead,BME,Chinatown,ECG200,Fungi,ItalyPowerDemand,SmoothSubspace";

struct StudyOptions {
  TrainingTable table;
  std::string sets = small_sets, seeds = "0..2";
};

Run declare(CLI::App& command, const std::string& out, std::vector<std::string> models,
            std::vector<Variant> variants) {
  const auto o = std::make_shared<StudyOptions>();
  o->table.models = std::move(models);
  o->table.variants = std::move(variants);
  o->table.out = out;
  TrainOptions& shared = o->table.options;
  shared.epochs = 120;
  shared.batch_size = 8;
  add_data_options(command, shared.data);
  command.remove_option(command.get_option("--dataset"));
  command.remove_option(command.get_option("--train"));
  command.remove_option(command.get_option("--test"));
  command.add_option("--sets", o->sets, "names in --data")->type_name("LIST")->capture_default_str();
  command.add_option("--seeds", o->seeds, "as 0,1,2 or 0..2")->type_name("LIST")->capture_default_str();
  add_count(command, "--epochs", shared.epochs, 1, "passes over the training set")->capture_default_str();
  add_count(command, "--batch-size", shared.batch_size, 1, "series per step")->capture_default_str();
  add_count(command, "--jobs", o->table.jobs, 0, "trainings at once; 0: one per core");
  command
      .add_option("--out", o->table.out, "folder of the trainings and tables; goes on where it was stopped")
      ->type_name("DIR")
      ->capture_default_str();
  command.add_flag("--quiet", shared.quiet, "no progress on stderr");
  add_device_options(command, shared.device);
  return [o](const std::vector<std::string>& arguments) {
    o->table.datasets = split_list("--sets", o->sets);
    o->table.seeds = parse_seeds(o->seeds);
    return run_training_table(o->table, arguments);
  };
}

}  // namespace

Run soft_labels_study(CLI::App& command) {
  return declare(
      command, "soft-labels",
      {"inception-time", "inception-time-3", "inception-time-2", "inception-time-1", "resnet18", "lstm-fcn"},
      {{"hard", "hard", {}},
       {"ls", "ls", {}},
       {"cp", "cp", {}},
       {"rsls", "rsls", {}},
       {"rsls-raw", "rsls", {{"source", "raw"}}}});
}

Run rsls_readings_study(CLI::App& command) {
  std::vector<Variant> variants = {{"hard", "hard", {}}};
  for (const char* tau2 : {"on", "off"}) {
    const std::string end = std::string("-tau2-") + tau2;
    variants.push_back({"kappa-0.001" + end, "rsls", {{"kappa", "0.001"}, {"tau2", tau2}}});
    variants.push_back({"kappa-1" + end, "rsls", {{"kappa", "1"}, {"tau2", tau2}}});
    variants.push_back({"normalised" + end, "rsls", {{"labels", "normalised"}, {"tau2", tau2}}});
  }
  return declare(command, "rsls-readings", {"inception-time-2", "inception-time-1"}, std::move(variants));
}

}  // namespace mellow::tools
