// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/instance_smoothing.h"

namespace mellow {

// ILS1's amount, from the calibrated teacher, in ILS2's shape, from the teacher at τ.
inline void register_ils(LossesTable& table) {
  std::vector<MethodOption> options = instance_options();
  options.push_back(teacher_temperature_option());
  table.methods.push_back(
      {.name = "ils",
       .formula =
           "CE(q, p), q_y = 1 - e_x, q_j = e_x t_j / (1 - t_y), e_x of ils1, t = softmax(teacher / tau)",
       .paper = "Instance-based label smoothing",
       .options = std::move(options),
       .teacher = TeacherKind::own,
       .needs_validation = true,
       .build = [](const MethodInputs& in, const MethodOptions& o) {
         Recipe recipe;
         const TeacherOutputs teacher = teacher_of(in);
         double& temperature = recipe.report["teacher_temperature"];
         const auto epsilons = calibrated_epsilons(teacher, in.labels, in.classes, o, temperature);
         const auto rows =
             teacher_shaped_labels(in.labels, in.classes, epsilons, teacher.logits, o.number("tau"));
         recipe.q1 = soft_labels(in.context, rows, in.classes, true);
         return recipe;
       }});
}

}  // namespace mellow
