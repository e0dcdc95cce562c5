// SPDX-License-Identifier: MIT
#include "mellow/losses/rsls.h"

#include <algorithm>
#include <cmath>

#include "mellow/engine/ops/class_distance.h"
#include "mellow/engine/train/metrics.h"

namespace mellow {
namespace {

constexpr double smallest_distance = 1e-8;  // duplicates of another class would divide by zero

// The published settings; LSTM-FCN's row serves every other student.
std::map<std::string, double> published_defaults(const std::string& model) {
  if (model == "inception-time") return {{"tau", 2}, {"alpha", 1}};
  if (model == "inception-time-1" || model == "inception-time-2") return {{"tau", 2}, {"alpha", 0.5}};
  if (model == "resnet18") return {{"tau", 4}, {"alpha", 0.1}};
  return {{"tau", 2}, {"alpha", 0.1}};
}

Recipe build(const MethodInputs& in, const MethodOptions& o) {
  const double tau = o.number("tau"), alpha = o.number("alpha");
  const bool raw = o.choice("source") == "raw";
  const Tensor points = raw ? raw_series_of(in) : representations_of(in);
  const Tensor labels = Tensor::from(in.context, {static_cast<int64_t>(in.labels.size())}, in.labels);
  const auto distances = to_doubles(class_distances(points, labels, in.classes));
  const auto form = o.choice("labels") == "normalised" ? RslsForm::normalised : RslsForm::coefficient;
  const auto rows = rsls_labels(distances, in.labels, in.classes, o.number("kappa"), tau, form);
  double mean_distance = 0;
  for (size_t i = 0; i < distances.size(); ++i)
    if (static_cast<int64_t>(i) % in.classes != in.labels[i / static_cast<size_t>(in.classes)])
      mean_distance +=
          distances[i] / static_cast<double>(in.labels.size() * static_cast<size_t>(in.classes - 1));
  Recipe recipe;
  recipe.weights.ce = o.choice("form") == "convex" ? 1 - alpha : 1;
  recipe.weights.kl = o.choice("tau2") == "on" ? alpha * tau * tau : alpha;
  recipe.weights.tau = tau;
  recipe.q2 = soft_labels(in.context, rows, in.classes, true);
  recipe.report = {{"mean_class_distance", mean_distance},
                   {"max_distance_from_uniform", distance_from_uniform(rows, in.classes)}};
  return recipe;
}

}  // namespace

std::vector<double> rsls_labels(const std::vector<double>& distances, std::span<const int32_t> labels,
                                int64_t classes, double kappa, double tau, RslsForm form) {
  MELLOW_CHECK(classes >= 2, "[rsls] needs at least two classes, got ", classes);
  MELLOW_CHECK(distances.size() == labels.size() * static_cast<size_t>(classes), "[rsls] ", labels.size(),
               " samples of ", classes, " classes need as many distances, got ", distances.size());
  MELLOW_CHECK(kappa > 0 && tau > 0, "[rsls] kappa and tau must be above 0, got ", kappa, " and ", tau);
  std::vector<double> q(distances.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    const double* d = &distances[i * static_cast<size_t>(classes)];
    double* row = &q[i * static_cast<size_t>(classes)];
    const int64_t own = labels[i];
    row[own] = 0;
    for (int64_t n = 0; n < classes; ++n)
      if (n != own) row[own] += row[n] = kappa / std::max(d[n], smallest_distance);
    if (form != RslsForm::normalised) continue;
    const double total = 2 * row[own];
    for (int64_t n = 0; n < classes; ++n) row[n] /= total;
  }
  return form == RslsForm::normalised ? q : probabilities_of(q, classes, tau);
}

double distance_from_uniform(const std::vector<double>& rows, int64_t classes) {
  double largest = 0;
  for (const double q : rows) largest = std::max(largest, std::abs(q - 1 / static_cast<double>(classes)));
  return largest;
}

Method rsls_method() {
  return {
      .name = "rsls",
      .formula =
          "CE(e, p) + alpha tau^2 KL(q || p_tau), q = softmax(P / tau), P_n = kappa / mean distance to class "
          "n, P_y = sum of the others",
      .paper = "Representation soft label smoothing, arXiv 2408.17010",
      .options =
          {{.name = "tau",
            .help = "temperature of labels and student",
            .value = 2,
            .high = 1000,
            .open_low = true},
           {.name = "alpha", .help = "weight of the soft labels", .value = 1, .low = 0, .high = 1},
           {.name = "kappa",
            .help = "coefficient of the confidences",
            .value = 1e-3,
            .high = 1e6,
            .open_low = true},
           {.name = "labels",
            .help = "how confidences become labels",
            .choices = {"coefficient", "normalised"},
            .choice = "coefficient"},
           {.name = "tau2", .help = "factor tau^2 on the KL term", .choices = {"on", "off"}, .choice = "on"},
           {.name = "form",
            .help = "additive: CE + alpha KL; convex: (1 - alpha) CE + alpha KL",
            .choices = {"additive", "convex"},
            .choice = "additive"},
           {.name = "source",
            .help = "what distances are taken between: encoder outputs, or raw series (the ablation)",
            .choices = {"encoder", "raw"},
            .choice = "encoder"}},
      .uses_encoder = [](const MethodOptions& o) { return o.choice("source") == "encoder"; },
      .model_defaults = published_defaults,
      .build = build};
}

}  // namespace mellow
