// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/train/metrics.h"
#include "mellow/losses/method.h"

namespace mellow {

// Distillation from the student's own architecture, trained before with hard labels. The authors' code
// averages KL over classes too, hence m / K: multiplier m = K is the mean over the batch.
inline void register_tfkd_self(LossesTable& table) {
  table.methods.push_back(
      {.name = "tfkd-self",
       .formula =
           "(1 - alpha) CE(e, p) + alpha m / K tau^2 KL(t_tau || p_tau), t an equal network's prediction",
       .paper = "Yuan et al. 2020 (Tf-KD, its code)",
       .options =
           {{.name = "alpha", .help = "weight of the soft labels", .value = 0.95, .low = 0, .high = 1},
            {.name = "tau",
             .help = "temperature of teacher and student",
             .value = 20,
             .high = 1000,
             .open_low = true},
            {.name = "multiplier", .help = "m; 0: the number of classes", .value = 1, .low = 0, .high = 1e4}},
       .teacher = TeacherKind::own,
       .build = [](const MethodInputs& in, const MethodOptions& o) {
         const double alpha = o.number("alpha"), tau = o.number("tau"), m = o.number("multiplier");
         const double weight = m == 0 ? alpha : alpha * m / static_cast<double>(in.classes);
         const auto rows = probabilities_of(teacher_of(in).logits, in.classes, tau);
         return Recipe{.weights = {.ce = 1 - alpha, .kl = weight * tau * tau, .tau = tau},
                       .q2 = soft_labels(in.context, rows, in.classes, true)};
       }});
}

}  // namespace mellow
