// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/train/metrics.h"
#include "mellow/losses/method.h"

namespace mellow {

// Distillation from any trained network. KL is averaged over the batch alone; a mean over classes too, which
// some code takes, would be alpha / K.
inline void register_kd(LossesTable& table) {
  table.methods.push_back(
      {.name = "kd",
       .formula = "(1 - alpha) CE(e, p) + alpha tau^2 KL(t_tau || p_tau), t the teacher's prediction",
       .paper = "Hinton et al. 2015; Wang et al. 2021, eq. 6",
       .options = {{.name = "alpha", .help = "weight of the soft labels", .value = 0.9, .low = 0, .high = 1},
                   {.name = "tau",
                    .help = "temperature of teacher and student",
                    .value = 4,
                    .high = 1000,
                    .open_low = true}},
       .teacher = TeacherKind::given,
       .build = [](const MethodInputs& in, const MethodOptions& o) {
         const double alpha = o.number("alpha"), tau = o.number("tau");
         const auto rows = probabilities_of(teacher_of(in).logits, in.classes, tau);
         return Recipe{.weights = {.ce = 1 - alpha, .kl = alpha * tau * tau, .tau = tau},
                       .q2 = soft_labels(in.context, rows, in.classes, true)};
       }});
}

}  // namespace mellow
