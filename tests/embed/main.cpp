// SPDX-License-Identifier: MIT
// Trains a small InceptionTime with smoothed labels on generated series; fails when it does not learn.
#include <cstdio>
#include <exception>

#include "mellow/data/generate.h"
#include "mellow/data/prepare.h"
#include "mellow/engine/nn/flat_parameters.h"
#include "mellow/engine/optim/adam.h"
#include "mellow/engine/optim/schedule.h"
#include "mellow/engine/train/evaluate.h"
#include "mellow/engine/train/trainer.h"
#include "mellow/losses/method.h"
#include "mellow/models/make_model.h"

namespace {

mellow::LabelledSet on_device(mellow::Context& context, mellow::SeriesSet series) {
  mellow::prepare_for_classifier(series);
  return mellow::make_labelled_set(context, {series.series, series.length, series.channels}, series.values,
                                   series.labels, static_cast<int64_t>(series.class_names.size()));
}

}  // namespace

int main() try {
  mellow::Context context({.device = mellow::Device::cpu, .threads = 2});
  mellow::SplitPair data = mellow::generate_cbf(0);  // or read_dataset("/data/UCR", "GunPoint")
  mellow::LabelledSet train = on_device(context, data.train), test = on_device(context, data.test);

  auto model = mellow::make_model("inception-time-1", {.context = &context}, {.classes = train.classes});
  mellow::initialize(*model, 0);
  mellow::FlatParameters parameters(*model);
  mellow::Adam optimizer(parameters);
  auto schedule = mellow::make_schedule({.rate = 1e-2});

  const mellow::Method& method = mellow::find_method("ls");
  auto options = mellow::resolve_options(method, "inception-time-1", {{"epsilon", "0.1"}});
  mellow::Recipe recipe = method.build({context, train.truth, train.classes}, options);
  mellow::Trainer trainer({*model, parameters, optimizer, *schedule}, train,
                          {.q1 = recipe.q1, .q2 = recipe.q2}, recipe.weights, {.batch_size = 16});
  while (trainer.epoch() < 30) trainer.run_epoch();
  const mellow::Metrics metrics = mellow::evaluate(*model, test);
  std::printf("accuracy %.3f, calibration error %.3f\n", metrics.accuracy, metrics.ece);
  return metrics.accuracy > 0.7 ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
