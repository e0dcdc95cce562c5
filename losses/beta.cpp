// SPDX-License-Identifier: MIT
#include "mellow/losses/beta.h"

#include "mellow/engine/internal/on_device.h"
#include "mellow/engine/ops/beta_labels.h"
#include "mellow/engine/ops/softmax.h"
#include "mellow/engine/ops/update.h"

namespace mellow {
namespace {

std::unique_ptr<Classifier> copied(const MovingInputs& in) {
  MELLOW_CHECK(in.copy_of,
               "[beta] the teacher starts as a copy of the student: set MovingInputs::copy_of, which makes "
               "one; got none");
  return in.copy_of();
}

// The teacher is a moving average of the student's parameters. It judges in training mode, with the batch's
// own statistics, as in the authors' code, and the student's dropout masks; its buffers are its own.
class BetaLabels : public MovingLabels {
 public:
  BetaLabels(const Tensor& table, const MovingInputs& in, const BetaLabelOptions& options, double decay)
      : table_(table),
        labels_(in.labels),
        student_(in.student.weights()),
        teacher_(copied(in)),
        parameters_(*teacher_),
        options_(options),
        decay_(decay) {
    teacher_->set_training(true);
  }

  void before_loss(const Tensor& x, const Tensor& index, const Tensor& step) override {
    const Tensor p = softmax(teacher_->logits(x));
    internal::on_device(table_.context(), [&](auto& device) {
      beta_labels(device, p, labels_, index, step, options_, table_);
    });
  }
  void after_update(const Tensor& step) override {
    internal::on_device(table_.context(), [&](auto& device) {
      follow_weights(device, parameters_.weights(), student_, step, decay_);
    });
  }
  std::vector<std::pair<std::string, Tensor>> tensors() const override {
    return {
        {"labels", table_}, {"teacher", parameters_.weights()}, {"teacher_buffers", parameters_.buffers()}};
  }

 private:
  Tensor table_, labels_, student_;
  std::unique_ptr<Classifier> teacher_;
  FlatParameters parameters_;
  BetaLabelOptions options_;
  double decay_;
};

void check(const MethodOptions& o) {
  const double epsilon = o.number("epsilon"), weight = o.number("weight");
  MELLOW_CHECK(epsilon < weight, "--epsilon of method beta must stay below --weight (", weight,
               "), the share of the drawn labels; got ", epsilon);
}

Recipe build(const MethodInputs& in, const MethodOptions& o) {
  const double epsilon = o.number("epsilon"), weight = o.number("weight");
  MELLOW_CHECK(in.classes >= 2, "[beta] needs at least two classes, got ", in.classes);
  // Expected mass on the class: 1 - weight + weight a / (a + 1) = 1 - epsilon.
  const BetaLabelOptions options{.weight = weight, .shape = weight / epsilon - 1, .seed = in.seed};
  const auto samples = static_cast<int64_t>(in.labels.size());
  Recipe recipe{.q1 = {Tensor::zeros(in.context, {samples, in.classes}), true},
                .report = {{"beta_shape", options.shape}}};
  recipe.moving = [options, decay = o.number("decay"), table = recipe.q1.table](const MovingInputs& moving) {
    return std::make_unique<BetaLabels>(table, moving, options, decay);
  };
  return recipe;
}

}  // namespace

Method beta_method() {
  return {.name = "beta",
          .formula =
              "(1 - weight) CE(e, p) + weight CE(t, p), t_y ~ Beta(weight / epsilon - 1, 1), the larger "
              "the surer an averaged copy of the network",
          .paper = "Zhang & Sabuncu 2020 (Beta smoothing)",
          .options =
              {{.name = "epsilon",
                .help = "label smoothing of the same expected mass on the class",
                .value = 0.1,
                .high = 1,
                .open_low = true,
                .open_high = true},
               {.name = "weight", .help = "of the drawn labels", .value = 0.6, .high = 1, .open_low = true},
               {.name = "decay",
                .help = "of the moving average",
                .value = 0.999,
                .low = 0,
                .high = 1,
                .open_high = true}},
          .check = check,
          .build = build};
}

}  // namespace mellow
