// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/train/metrics.h"
#include "mellow/losses/method.h"

namespace mellow {

// One level: the predictions of an equal network, trained before with hard labels, are the only labels.
inline void register_self_distillation(LossesTable& table) {
  table.methods.push_back({.name = "self-distillation",
                           .formula = "CE(t, p), t an equal network's prediction",
                           .paper = "Furlanello et al. 2018; ILS study, Tables II and VI",
                           .teacher = TeacherKind::own,
                           .build = [](const MethodInputs& in, const MethodOptions&) {
                             const auto rows = probabilities_of(teacher_of(in).logits, in.classes, 1);
                             return Recipe{.q1 = soft_labels(in.context, rows, in.classes, true)};
                           }});
}

}  // namespace mellow
