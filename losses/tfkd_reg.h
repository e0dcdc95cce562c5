// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "mellow/losses/method.h"

namespace mellow {

// The designed teacher's own-class share: softmax(t / τ) over the probabilities t = 0.99 on the class and
// 0.01 / (K − 1) elsewhere. Nearly 1 / K at the usual τ ≥ 20. The others share the rest evenly.
inline double designed_teacher(int64_t classes, double tau) {
  const auto others = static_cast<double>(classes - 1);
  return 1 / (1 + others * std::exp((0.01 / others - 0.99) / tau));
}

// Distillation from a designed teacher. The authors' code leaves the student at temperature 1 and has no τ²
// (form "code"); the papers temper both sides (form "paper"). The code averages KL over classes too, hence
// m / K: multiplier m = K is the mean over the batch.
inline void register_tfkd_reg(LossesTable& table) {
  table.methods.push_back(
      {.name = "tfkd-reg",
       .formula =
           "(1 - alpha) CE(e, p) + alpha m / K KL(q || p), q = softmax(t / tau), t = 0.99 on the class, "
           "0.01 / (K - 1) elsewhere; form paper: alpha m / K tau^2 KL(q || p_tau)",
       .paper = "Yuan et al. 2020 (Tf-KD, its code); form paper: Wang et al. 2021, eq. 8",
       .options =
           {{.name = "alpha", .help = "weight of the soft labels", .value = 0.1, .low = 0, .high = 1},
            {.name = "tau",
             .help = "temperature of the teacher",
             .value = 20,
             .high = 1000,
             .open_low = true},
            {.name = "multiplier", .help = "m; 0: the number of classes", .value = 0, .low = 0, .high = 1e4},
            {.name = "form",
             .help = "code: student at temperature 1; paper: student at tau, factor tau^2",
             .choices = {"code", "paper"},
             .choice = "code"}},
       .build = [](const MethodInputs& in, const MethodOptions& o) {
         const double alpha = o.number("alpha"), tau = o.number("tau"), m = o.number("multiplier");
         const double weight = m == 0 ? alpha : alpha * m / static_cast<double>(in.classes);
         Recipe recipe{.q2 = corrected_labels(in.context, in.classes, designed_teacher(in.classes, tau))};
         recipe.weights = o.choice("form") == "paper"
                              ? SoftLabelWeights{.ce = 1 - alpha, .kl = weight * tau * tau, .tau = tau}
                              : SoftLabelWeights{.ce = 1 - alpha, .kl = weight};
         return recipe;
       }});
}

}  // namespace mellow
