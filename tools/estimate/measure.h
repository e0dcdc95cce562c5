// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "mellow/engine/core/context.h"
#include "mellow/tools/estimate/cost_model.h"

// Costs on this device, fitted to a few real steps at shapes from small ones to those that still take about a
// second.
namespace mellow::tools {

struct TaskCosts {
  Counts costs;
  double fit_error = 0;  // largest relative error at the shapes measured
};

struct ModelCosts {
  TaskCosts training, evaluation;  // of pass_counts()
};

struct EncoderCosts {
  TaskCosts pretraining;  // of pretraining_counts()
  TaskCosts encoding;     // of pass_counts()
};

inline constexpr int64_t evaluation_batch = 256, encoding_batch = 64;  // the library's defaults

// `channels` above 1 measures what further channels cost, too.
ModelCosts measure_model(Context& context, const std::string& model, int64_t batch, int64_t channels);
EncoderCosts measure_encoder(Context& context, int64_t batch, int64_t channels);

}  // namespace mellow::tools
