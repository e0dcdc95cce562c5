// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/instance_smoothing.h"

namespace mellow {

inline void register_ils2(LossesTable& table) {
  table.methods.push_back(
      {.name = "ils2",
       .formula = "CE(q, p), q_y = 1 - epsilon, q_j = epsilon t_j / (1 - t_y), t = softmax(teacher / tau)",
       .paper = "Instance-based label smoothing, eq. 4",
       .options =
           {{.name = "epsilon", .help = "mass that leaves the class", .value = 0.1, .low = 0, .high = 1},
            teacher_temperature_option()},
       .teacher = TeacherKind::own,
       .build = [](const MethodInputs& in, const MethodOptions& o) {
         const std::vector<double> epsilons(in.labels.size(), o.number("epsilon"));
         const auto rows =
             teacher_shaped_labels(in.labels, in.classes, epsilons, teacher_of(in).logits, o.number("tau"));
         return Recipe{.q1 = soft_labels(in.context, rows, in.classes, true)};
       }});
}

}  // namespace mellow
