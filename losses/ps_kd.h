// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/method.h"
#include "mellow/losses/recorded_predictions.h"

namespace mellow {

// (1 − weight) e + weight · p for every sample: predictions [samples, classes] of the epoch before.
inline std::vector<float> progressive_labels(const std::vector<float>& predictions,
                                             std::span<const int32_t> labels, double weight) {
  const size_t classes = predictions.size() / labels.size();
  std::vector<float> q(predictions.size());
  for (size_t i = 0; i < q.size(); ++i) {
    const double own = static_cast<size_t>(labels[i / classes]) == i % classes ? 1 - weight : 0;
    q[i] = static_cast<float>(own + weight * static_cast<double>(predictions[i]));
  }
  return q;
}

// Progressive self-distillation: the network's own prediction of the epoch before, trusted more and more. In
// the first epoch labels are hard.
inline void register_ps_kd(LossesTable& table) {
  table.methods.push_back(
      {.name = "ps-kd",
       .formula = "CE((1 - a_t) e + a_t p', p), p' of the epoch before, a_t = alpha t / epochs",
       .paper = "Kim et al. 2021 (PS-KD, its code)",
       .options = {{.name = "alpha", .help = "a_t in the last epoch", .value = 0.8, .low = 0, .high = 1}},
       .build = [](const MethodInputs& in, const MethodOptions& o) {
         const std::vector<int32_t> labels(in.labels.begin(), in.labels.end());
         const double step = o.number("alpha") / static_cast<double>(in.epochs);
         std::vector<double> hard(labels.size() * static_cast<size_t>(in.classes), 0.0);
         for (size_t i = 0; i < labels.size(); ++i)
           hard[i * static_cast<size_t>(in.classes) + static_cast<size_t>(labels[i])] = 1;
         Recipe recipe{.q1 = soft_labels(in.context, hard, in.classes, true)};
         recipe.moving = [=, table = recipe.q1.table](const MovingInputs&) {
           return std::make_unique<RecordedPredictions>(
               table, static_cast<int64_t>(labels.size()),
               [=](int64_t epoch, const std::vector<float>& predictions) {
                 return progressive_labels(predictions, labels, step * static_cast<double>(epoch + 1));
               });
         };
         return recipe;
       }});
}

}  // namespace mellow
