// SPDX-License-Identifier: MIT
// The gradient that training uses, of every method, against central differences in float64.
#include <cmath>

#include "mellow/losses/method.h"
#include "mellow/tests/support/check_op.h"

using namespace mellow;
using namespace mellow::test;

namespace {

using Row = std::vector<double>;

constexpr int64_t batch = 6;

// A method's table in float64, every row summing to one again.
SoftLabels widened(Context& context, const SoftLabels& q) {
  if (!q.table.defined()) return {};
  Row rows = to_doubles(q.table);
  const auto classes = static_cast<size_t>(q.table.dim(1));
  for (size_t i = 0; i < rows.size(); i += classes) {
    double sum = 0;
    for (size_t c = 0; c < classes; ++c) sum += rows[i + c];
    for (size_t c = 0; sum > 0 && c < classes; ++c) rows[i + c] /= sum;
  }
  return {tensor_of<double>(context, q.table.shape(), rows), q.per_sample};
}

// Soft labels in the middle of a training, for a method whose labels move.
SoftLabels some_labels(Context& context, const SoftLabels& q) {
  const int64_t rows = q.table.dim(0), classes = q.table.dim(1);
  return widened(context, {tensor_of<float>(context, {rows, classes}, random_values(rows * classes, 8, 0, 1)),
                           q.per_sample});
}

// Ordinary rows; then only ±80, with the class up, down, and up together with all others.
Row logits_for(int64_t classes, const std::vector<int32_t>& labels) {
  Row z = random_values(batch * classes, 77, -4, 4);
  for (int64_t i = batch - 3; i < batch; ++i)
    for (int64_t c = 0; c < classes; ++c) {
      const bool own = c == labels[static_cast<size_t>(i)], up = i != batch - 2;
      z[static_cast<size_t>(i * classes + c)] = (own ? up : i == batch - 1 || c % 2 == 0) ? 80 : -80;
    }
  return z;
}

}  // namespace

TEST_CASE("every method's gradient is that of its loss, for ordinary and extreme logits") {
  constexpr double step = 1e-4;  // errors of order step², and rounding of a loss that reaches 1e4
  Context context(strict(Device::cpu));
  for (const int64_t classes : {2, 3, 10, 60}) {
    std::vector<int32_t> labels;
    for (int64_t i = 0; i < batch; ++i) labels.push_back(static_cast<int32_t>((i * 7 + 1) % classes));
    // Samples of the other classes, so that every class has one.
    std::vector<int32_t> all = labels;
    for (int32_t c = 0; c < classes; ++c) all.push_back(c);
    const auto samples = static_cast<int64_t>(all.size());
    const auto points = [&] {
      return tensor_of<float>(context, {samples, 3}, random_values(samples * 3, 5));
    };
    const TeacherOutputs teacher{random_values(samples * classes, 6, -9, 9),
                                 random_values(samples * classes, 7, -9, 9), all};
    const Row z = logits_for(classes, labels);
    for (const Method& method : methods()) {
      CAPTURE(method.name);
      CAPTURE(classes);
      const Recipe recipe = method.build({.context = context,
                                          .labels = all,
                                          .classes = classes,
                                          .epochs = 5,
                                          .representations = points,
                                          .raw_series = points,
                                          .teacher = [&] { return teacher; }},
                                         resolve_options(method, "inception-time", {}));
      const SoftLabelTargets targets{
          .labels = Tensor::from(context, {samples}, all),
          .index = Tensor::from(context, {batch}, std::vector<int32_t>{0, 1, 2, 3, 4, 5}),
          .q1 = recipe.moving ? some_labels(context, recipe.q1) : widened(context, recipe.q1),
          .q2 = widened(context, recipe.q2)};
      const auto loss_at = [&](const Row& at) {
        return soft_label_loss(tensor_of<double>(context, {batch, classes}, at), targets, recipe.weights)
            .item<double>();
      };
      Tensor leaf = tensor_of<double>(context, {batch, classes}, z).set_requires_grad();
      {
        Tape tape(context);
        tape.backward(soft_label_loss(leaf, targets, recipe.weights));
      }
      const auto gradient = to_doubles(leaf.grad());
      double sum = 0;
      for (const double g : gradient) sum += g;
      CHECK(std::abs(sum) < 1e-10);  // softmax does not see a shift
      for (size_t k = 0; k < z.size(); ++k) {
        Row up = z, down = z;
        up[k] += step;
        down[k] -= step;
        const double slope = (loss_at(up) - loss_at(down)) / (2 * step);
        INFO("logit ", k, ": ", gradient[k], " should be ", slope);
        REQUIRE(std::abs(gradient[k] - slope) < 1e-6 * std::max(1.0, std::abs(slope)));
      }
    }
  }
}
