// SPDX-License-Identifier: MIT
#include "mellow/tools/estimate/prediction.h"

#include <algorithm>

#include "mellow/engine/train/pretrainer.h"
#include "mellow/models/make_model.h"
#include "mellow/tools/estimate/sets.h"
#include "mellow/tools/estimate/shortest_run.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/run_plan.h"

namespace mellow::tools {
namespace {

std::vector<SetSize> sizes_of(const EstimatePlan& plan) {
  if (!plan.sets.empty()) return sizes_in_file(plan.sets);
  return plan.data.folder.empty() ? ucr_archive() : sizes_in_folder(plan.data);
}

double training_seconds(const ModelCosts& costs, const SetSize& set, const EstimatePlan& plan) {
  return static_cast<double>(plan.epochs) *
         seconds_of(costs.training.costs, pass_counts(set.train, set, plan.batch_size));
}

double evaluation_seconds(const ModelCosts& costs, const SetSize& set, const EstimatePlan& plan) {
  const Evaluations passes = evaluations_of(plan.epochs, plan.evaluate_every);
  const auto pass = [&](int64_t series) {
    return seconds_of(costs.evaluation.costs, pass_counts(series, set, evaluation_batch));
  };
  return static_cast<double>(passes.test) * pass(set.test) +
         static_cast<double>(passes.train) * pass(set.train);
}

double pretraining_seconds(const EncoderCosts& costs, const SetSize& set, const EncoderOptions& o) {
  const int64_t iterations =
      o.iterations > 0 ? o.iterations : default_iterations(set.train * set.length * set.channels);
  return seconds_of(costs.pretraining.costs, pretraining_counts(set, iterations, o.batch_size, 0)) +
         seconds_of(costs.encoding.costs, pass_counts(set.train, set, encoding_batch));
}

// What a training takes besides its passes: the shortest one less its own.
double start_and_end_seconds(const EstimatePlan& plan, const std::string& model, const ModelCosts& costs) {
  const SetSize size = {"", 8, 8, 64};
  EstimatePlan shortest = plan;
  shortest.epochs = 1;
  return std::max(0.0, shortest_run_seconds(plan, model, size) - training_seconds(costs, size, shortest) -
                           evaluation_seconds(costs, size, shortest));
}

}  // namespace

Prediction predict_table(const EstimatePlan& plan, Context& context, Progress& progress) {
  Prediction p;
  const auto names = split_list("--models", plan.models);
  for (const std::string& name : names) find_model(name);
  p.sets = sizes_of(plan);
  int64_t channels = 1;
  for (const SetSize& set : p.sets) channels = std::max(channels, set.channels);
  for (const std::string& name : names) {
    progress.show("measuring " + name);
    ModelSeconds m{name, measure_model(context, name, plan.batch_size, channels), {}, {}};
    const double once = start_and_end_seconds(plan, name, m.costs);
    for (const SetSize& set : p.sets) {
      m.training.push_back(once + training_seconds(m.costs, set, plan));
      m.evaluation.push_back(evaluation_seconds(m.costs, set, plan));
    }
    p.models.push_back(std::move(m));
  }
  progress.show("measuring ts2vec");
  p.encoder = measure_encoder(context, plan.encoder.batch_size, channels);
  for (const SetSize& set : p.sets)
    p.pretraining.push_back(pretraining_seconds(p.encoder, set, plan.encoder));
  return p;
}

}  // namespace mellow::tools
