// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/instance_smoothing.h"

namespace mellow {

inline void register_ils1(LossesTable& table) {
  table.methods.push_back(
      {.name = "ils1",
       .formula = "CE((1 - e_x) e + e_x / K, p), e_x = min(0.2, p2 (t_y - p1)^2), t a calibrated teacher's "
                  "prediction",
       .paper = "Instance-based label smoothing, eq. 3",
       .options = instance_options(),
       .teacher = TeacherKind::own,
       .needs_validation = true,
       .build = [](const MethodInputs& in, const MethodOptions& o) {
         Recipe recipe;
         double& temperature = recipe.report["teacher_temperature"];
         const auto epsilons = calibrated_epsilons(teacher_of(in), in.labels, in.classes, o, temperature);
         const auto rows = smoothed_labels(in.labels, in.classes, epsilons);
         recipe.q1 = soft_labels(in.context, rows, in.classes, true);
         return recipe;
       }});
}

}  // namespace mellow
