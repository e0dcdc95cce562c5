// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "mellow/engine/optim/schedule.h"
#include "mellow/engine/train/fit.h"
#include "mellow/tools/options.h"
#include "mellow/tools/run_directory.h"

namespace mellow::tools {

struct TrainOptions {
  DataOptions data;
  DeviceOptions device;
  EncoderOptions encoder;
  std::string model = "inception-time", method = "hard", framework = "torch", schedule = "constant";
  std::string val = "none", select, out, teacher;
  std::map<std::string, std::string> method_options;  // as typed
  std::map<std::string, std::string> model_options;   // as typed; of a planned run, all that the model has
  int64_t epochs = 1000, batch_size = 128, evaluate_every = 5, checkpoint_every = 0;
  double rate = 1e-3;
  std::string seeds = "0";  // as typed
  uint64_t seed = 0;        // of this run
  int64_t ensemble = 1, jobs = 0;
  bool own_folder = false;  // one of several runs: a folder of its own under `out`
  bool resume = false, overwrite = false, quiet = false, list_methods = false, list_models = false;
};

void add_train_options(CLI::App& command, TrainOptions& options);

ScheduleOptions schedule_options(const TrainOptions& options);
// Which weights are saved. Throws for best-validation without --val.
Protocol selected_protocol(const TrainOptions& options);
// What --resume and --overwrite say of a run that is there already.
Existing existing_run(const TrainOptions& options);
// Throws when starting anew in `folder` would remove an input: the teacher, the encoder or the data.
void refuse_inputs_in(const std::string& folder, const TrainOptions& options);
// Where runs of their own folders lie: --out, or "runs".
std::string runs_folder(const TrainOptions& options);
std::string run_folder(const TrainOptions& options, const std::string& dataset);

// Everything that changes a bit of the result, for run.json; a run is resumed only with the same.
Json to_json(const TrainOptions& options, const MethodOptions& method_options, const Context& context);

void print_methods();
void print_models();

}  // namespace mellow::tools
