// SPDX-License-Identifier: MIT
#include "mellow/tools/estimate/shortest_run.h"

#include "mellow/engine/core/random.h"
#include "mellow/tools/estimate/scratch_folder.h"
#include "mellow/tools/estimate/stopwatch.h"
#include "mellow/tools/interrupt.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/training.h"

namespace mellow::tools {
namespace {

SeriesSet random_series(int64_t series, int64_t length) {
  SeriesSet set = {.name = "random", .series = series, .length = length, .channels = 1};
  for (int64_t i = 0; i < series * length; ++i)
    set.values.push_back(uniform_from(random_words(2, RandomStream::test, 0, static_cast<uint64_t>(i))[0]));
  set.lengths.assign(static_cast<size_t>(series), static_cast<int32_t>(length));
  for (int64_t i = 0; i < series; ++i) set.labels.push_back(static_cast<int32_t>(i % 2));
  set.class_names = {"1", "2"};
  return set;
}

}  // namespace

double shortest_run_seconds(const EstimatePlan& plan, const std::string& model, const SetSize& size) {
  const ScratchFolder scratch;
  Interrupt interrupt;
  Progress quiet(true);
  const auto context = make_context(plan.device, quiet);
  TrainOptions o;
  o.model = model;
  o.device = plan.device;
  o.epochs = 1;
  o.batch_size = plan.batch_size;
  TrainingData data;
  data.name = "random";
  data.train = random_series(size.train, size.length);
  data.test = random_series(size.test, size.length);
  const Method& method = find_method(o.method);
  const MethodOptions method_options = checked_options(method, model, {});
  const Stopwatch watch(*context);
  run_training({o, method, method_options, data, *context, quiet, interrupt, {}}, scratch.path() + "/run",
               Existing::refuse);
  return watch.seconds();
}

}  // namespace mellow::tools
