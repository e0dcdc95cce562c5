// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "mellow/tools/estimate/measure.h"
#include "mellow/tools/estimate/work.h"
#include "mellow/tools/options.h"

namespace mellow::tools {

class Progress;

// The table to be trained: every model by every method on every set, one seed.
struct EstimatePlan {
  DataOptions data;  // folder "": sizes from `sets`
  std::string sets;  // file of sizes; empty: the UCR archive
  std::string models = "inception-time,inception-time-3,inception-time-2,inception-time-1,resnet18,lstm-fcn";
  int64_t methods = 4, epochs = 1000, batch_size = 128, evaluate_every = 5, jobs = 0;
  EncoderOptions encoder;
  DeviceOptions device;
};

struct ModelSeconds {
  std::string model;
  ModelCosts costs;
  std::vector<double> training, evaluation;  // per set, one method; training with its start and end
};

struct Prediction {
  std::vector<SetSize> sets;
  std::vector<ModelSeconds> models;
  EncoderCosts encoder;
  std::vector<double> pretraining;  // per set, the encoding of its training series included
};

// Measures on the context's device and applies that to every set.
Prediction predict_table(const EstimatePlan& plan, Context& context, Progress& progress);

}  // namespace mellow::tools
