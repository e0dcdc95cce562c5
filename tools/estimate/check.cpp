// SPDX-License-Identifier: MIT
#include "mellow/tools/estimate/check.h"

#include <cmath>

#include <fmt/format.h>

#include "mellow/engine/train/pretrainer.h"
#include "mellow/tools/dataset.h"
#include "mellow/tools/encoder.h"
#include "mellow/tools/estimate/scratch_folder.h"
#include "mellow/tools/estimate/stopwatch.h"
#include "mellow/tools/interrupt.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/run_many.h"

namespace mellow::tools {
namespace {

constexpr double tolerance = 0.2;

// Prints one line; whether it was near enough.
bool compare(const std::string& set, const std::string& task, double predicted, double actual) {
  const double off = predicted / actual - 1;
  fmt::print("{:<32} {:<17} {:>10.2f} {:>10.2f} {:>+7.0f} %\n", set, task, predicted, actual, off * 100);
  return std::abs(off) <= tolerance;
}

PlannedRun run_of(const EstimatePlan& plan, const std::string& set, const std::string& model,
                  const std::string& folder) {
  TrainOptions o;
  o.data = plan.data;
  o.data.dataset = set;
  o.device = plan.device;
  o.model = model;
  o.epochs = plan.epochs;
  o.batch_size = plan.batch_size;
  o.evaluate_every = plan.evaluate_every;
  o.out = folder + "/" + set + "-" + model;
  return {o, checked_options(find_method(o.method), model, {})};
}

double pretraining_seconds(const EstimatePlan& plan, const std::string& set, Context& context,
                           const Interrupt& interrupt) {
  Progress quiet(true);
  DataOptions data = plan.data;
  data.dataset = set;
  EncoderOptions options = plan.encoder;
  options.no_cache = true;
  const TrainingData read = open_training_data(data, 0, 0, quiet);
  const Stopwatch watch(context);
  const Encoder encoder =
      obtain_encoder(context, read.stored, options, 0, quiet, [&] { return interrupt.requested(); });
  encode_full_series(*encoder.network, encoder_input(context, encoder, read.stored));
  context.backend().synchronize();
  return watch.seconds();
}

}  // namespace

int check_prediction(const Prediction& prediction, const EstimatePlan& plan, Context& context,
                     Progress& progress, const std::vector<std::string>& arguments) {
  const ScratchFolder scratch;
  Interrupt interrupt;
  Progress quiet(true);
  int wrong = 0, all = 0;
  fmt::print("{:<32} {:<17} {:>10} {:>10} {:>9}\n", "dataset", "task", "predicted", "seconds", "off");
  for (size_t s = 0; s < prediction.sets.size(); ++s) {
    const std::string& set = prediction.sets[s].name;
    for (const ModelSeconds& m : prediction.models) {
      progress.show(set + " " + m.model);
      const PlannedRun run = run_of(plan, set, m.model, scratch.path());
      const Stopwatch watch(context);
      run_one(run, quiet, interrupt, arguments);
      const double actual = watch.seconds();
      wrong += compare(set, m.model, m.training[s] + m.evaluation[s], actual) ? 0 : 1;
      ++all;
    }
    progress.show(set + " ts2vec");
    wrong +=
        compare(set, "ts2vec", prediction.pretraining[s], pretraining_seconds(plan, set, context, interrupt))
            ? 0
            : 1;
    ++all;
  }
  fmt::print("{} of {} within 20 %\n", all - wrong, all);
  return wrong > 0 ? 1 : 0;
}

}  // namespace mellow::tools
