// SPDX-License-Identifier: MIT
// Where training with representation soft labels ends: a network free to say anything settles where the
// gradient (p - e) + α τ (p_τ - q) is zero, for q near uniform at the probabilities below.
#include <cmath>
#include <numeric>

#include "mellow/engine/ops/softmax.h"
#include "mellow/engine/optim/adam.h"
#include "mellow/engine/train/metrics.h"
#include "mellow/engine/train/trainer.h"
#include "mellow/losses/method.h"
#include "mellow/models/make_model.h"
#include "mellow/tests/support/check_op.h"

using namespace mellow;
using namespace mellow::test;

namespace {

using Row = std::vector<double>;

struct Setting {
  const char *alpha, *tau, *tau2;
  std::vector<std::pair<int64_t, double>> own;  // number of classes, probability of the class
};

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all = {
      {"1", "2", "on", {{2, .742}, {3, .667}, {10, .611}, {60, .701}}},
      {"0.5", "2", "on", {{2, .819}, {3, .770}, {10, .740}, {60, .807}}},
      {"0.1", "2", "on", {{2, .940}, {3, .924}, {10, .915}, {60, .937}}},
      {"0.1", "4", "on", {{2, .936}, {3, .923}, {10, .932}, {60, .967}}},
      {"1", "2", "off", {{2, .883}, {3, .852}, {10, .836}, {60, .879}}},
  };
  return all;
}

Recipe rsls(Context& context, const std::vector<int32_t>& labels, int64_t classes, const Setting& setting) {
  const auto samples = static_cast<int64_t>(labels.size());
  const auto points = [&] {
    return tensor_of<float>(context, {samples, 4}, random_values(samples * 4, 41, 0, 10));
  };
  const Method& method = find_method("rsls");
  return method.build(
      {.context = context, .labels = labels, .classes = classes, .representations = points},
      resolve_options(method, "inception-time",
                      {{"alpha", setting.alpha}, {"tau", setting.tau}, {"tau2", setting.tau2}}));
}

}  // namespace

TEST_CASE("rsls: free logits settle at the stationary probabilities") {
  constexpr double rate = 2;  // below 2 / the largest curvature, which is ½
  for (Device device : devices())
    for (const Setting& setting : settings())
      for (const auto& [classes, expected] : setting.own) {
        CAPTURE(setting.alpha);
        CAPTURE(setting.tau);
        CAPTURE(setting.tau2);
        CAPTURE(classes);
        Context context(strict(device, 1));
        std::vector<int32_t> labels(static_cast<size_t>(classes));
        std::iota(labels.begin(), labels.end(), 0);
        const Recipe recipe = rsls(context, labels, classes, setting);
        const SoftLabelTargets targets{
            .labels = Tensor::from(context, {classes}, labels), .q1 = recipe.q1, .q2 = recipe.q2};
        Row z = random_values(classes * classes, 42, -3, 3);
        for (int step = 0; step < 3000; ++step) {
          Tensor logits = tensor_of<float>(context, {classes, classes}, z).set_requires_grad();
          Tape tape(context);
          tape.backward(soft_label_loss(logits, targets, recipe.weights));
          const auto gradient = to_doubles(logits.grad());
          double largest = 0;
          for (size_t i = 0; i < z.size(); ++i) {
            const double g = gradient[i] * static_cast<double>(classes);  // of the sample, not of the mean
            z[i] -= rate * g;
            largest = std::max(largest, std::abs(g));
          }
          if (largest < 1e-6) break;
        }
        const auto p = probabilities_of(z, classes, 1);
        const auto k = static_cast<size_t>(classes);
        for (size_t i = 0; i < k; ++i) CHECK(std::abs(p[i * k + i] - expected) < .005);
      }
}

TEST_CASE("rsls: a network that interpolates settles there too") {
  // Six series, two of each class, seen together, so that batch normalisation is one fixed map.
  constexpr int64_t samples = 6, length = 16, classes = 3;
  const Setting& setting = settings()[1];
  for (Device device : devices()) {
    Context context(strict(device));
    std::vector<float> values;
    std::vector<int32_t> labels;
    for (int64_t i = 0; i < samples; ++i) {
      labels.push_back(static_cast<int32_t>(i % classes));
      for (int64_t t = 0; t < length; ++t)
        values.push_back(static_cast<float>(
            std::sin((0.4 + 0.5 * static_cast<double>(i % classes)) * static_cast<double>(t) +
                     static_cast<double>(i / classes))));
    }
    const LabelledSet set = make_labelled_set(context, {samples, length, 1}, values, labels, classes);
    const Recipe recipe = rsls(context, labels, classes, setting);
    const auto model =
        make_model("inception-time-1", {&context}, {.channels = 1, .classes = classes, .length = length});
    initialize(*model, 1);
    FlatParameters flat(*model);
    Adam adam(flat);
    const auto schedule = make_schedule({.name = "cosine", .rate = 3e-3, .epochs = 300, .lowest = 0});
    Trainer trainer({*model, flat, adam, *schedule}, set, {.labels = {}, .q1 = recipe.q1, .q2 = recipe.q2},
                    recipe.weights, {.batch_size = samples, .seed = 1});
    for (int epoch = 0; epoch < 300; ++epoch) trainer.run_epoch();
    model->set_training(true);
    const auto p = to_doubles(softmax(model->logits(set.x)));
    for (size_t i = 0; i < static_cast<size_t>(samples); ++i)
      CHECK(std::abs(p[i * classes + static_cast<size_t>(labels[i])] - .770) < .005);
  }
}
