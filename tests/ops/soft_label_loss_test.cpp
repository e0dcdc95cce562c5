// SPDX-License-Identifier: MIT
#include <numeric>

#include "mellow/engine/ops/soft_label_loss.h"
#include "mellow/tests/support/check_op.h"

using namespace mellow;
using namespace mellow::test;

namespace {

using Row = std::vector<double>;

Row softened(const Row& z, double tau) {
  Row p(z.size());
  double sum = 0;
  for (size_t c = 0; c < z.size(); ++c) sum += p[c] = std::exp(z[c] / tau);
  for (double& v : p) v /= sum;
  return p;
}

Row even(size_t classes, double value, double on_label) {  // label 0
  Row q(classes, value);
  q[0] = on_label;
  return q;
}

struct Method {  // one row of the table of golden values: z = [2, 1, 0.1], label 0
  std::string name;
  SoftLabelWeights weights;
  Row q1, q2;  // empty: one-hot
  double loss;
  Row gradient;
};

// Loss and gradient of one sample, printed to six digits in the methods' specification.
const std::vector<Method>& methods() {
  const Row third(3, 1.0 / 3);
  const double ils = 0.02;
  static const std::vector<Method> all = {
      {"CE", {}, {}, {}, 0.417030, {-.340999, .242433, .098566}},
      {"LS", {}, even(3, .1 / 3, .9 + .1 / 3), {}, 0.513697, {-.274332, .209100, .065233}},
      {"CP", {.entropy = .1}, {}, {}, 0.332356, {-.312681, .228607, .084074}},
      {"KD",
       {.ce = .1, .kl = .9 * 16, .tau = 4},
       {},
       softened({1.5, .5, -1}, 4),
       0.071277,
       {-.090234, -.019474, .109708}},
      {"LSR-OS", {.ce = .9, .kl = .1 * 4, .tau = 2}, {}, third, 0.405126, {-.273228, .212381, .060847}},
      {"LSR-OS-TC",
       {.ce = .9, .kl = .1 * 2, .tau = 2},
       {},
       {.5, .25, .25},
       0.377838,
       {-.306730, .223619, .083112}},
      {"Tf-KD reg",
       {.ce = .9, .kl = .1, .tau = 1},
       {},
       softened({.99, .005, .005}, 20),
       0.402263,
       {-.275435, .209651, .065784}},
      {"RSLS, u = 1e-3",
       {.ce = 1, .kl = .5 * 4, .tau = 2},
       {},
       softened({.35e-3, .25e-3, .1e-3}, 2),
       0.565987,
       {-.172664, .213386, -.040722}},
      {"RSLS, u = 1",
       {.ce = 1, .kl = .5 * 4, .tau = 2},
       {},
       softened({.35, .25, .1}, 2),
       0.529366,
       {-.192203, .211041, -.018837}},
      {"bootstrap", {.ce = .95, .entropy = -.05}, {}, {}, 0.438515, {-.338108, .237224, .100884}},
      {"ILS1", {}, even(3, ils / 3, 1 - ils + ils / 3), {}, 0.436363, {-.327666, .235766, .091899}},
      {"ILS2", {}, {.9, .1 * .2 / .3, .1 * .1 / .3}, {}, 0.547030, {-.240999, .175766, .065233}},
      {"label relaxation", {.relaxation = .1}, {}, {}, 0.157832, {-.240999, .171338, .069661}},
      {"ILS", {}, {1 - ils, ils * .2 / .3, ils * .1 / .3}, {}, 0.443030, {-.320999, .229100, .091899}},
  };
  return all;
}

SoftLabels table(Context& context, const Row& row, size_t rows, bool per_sample, DType dtype) {
  if (row.empty()) return {};
  Row values;
  for (size_t i = 0; i < rows; ++i) values.insert(values.end(), row.begin(), row.end());
  const Shape shape = {static_cast<int64_t>(rows), static_cast<int64_t>(row.size())};
  return {dtype == DType::f64 ? tensor_of<double>(context, shape, values)
                              : tensor_of<float>(context, shape, values),
          per_sample};
}

Tensor indices(Context& context, const std::vector<int32_t>& values) {
  return Tensor::from(context, {static_cast<int64_t>(values.size())}, values);
}

// Rows of random soft labels that sum to one.
Row random_labels(int64_t rows, int64_t classes, uint64_t seed) {
  Row q = random_values(rows * classes, seed, 0.01, 1);
  for (int64_t r = 0; r < rows; ++r) {
    const auto begin = q.begin() + r * classes;
    const double sum = std::accumulate(begin, begin + classes, 0.0);
    std::for_each(begin, begin + classes, [&](double& v) { v /= sum; });
  }
  return q;
}

}  // namespace

TEST_CASE("every method of the specification has its printed loss and gradient") {
  for (Device device : devices())
    for (DType dtype : {DType::f32, DType::f64})
      for (bool per_sample : {false, true})
        for (const Method& method : methods()) {
          if (device == Device::cuda && dtype == DType::f64) continue;
          CAPTURE(method.name);
          Context context(strict(device));
          const Row logits = {2, 1, .1};
          Tensor z = dtype == DType::f64 ? tensor_of<double>(context, {1, 3}, logits)
                                         : tensor_of<float>(context, {1, 3}, logits);
          z.set_requires_grad();
          Tape tape(context);
          const SoftLabelTargets targets{
              .labels = indices(context, {0}),
              .q1 = table(context, method.q1, per_sample ? 1 : 3, per_sample, dtype),
              .q2 = table(context, method.q2, per_sample ? 1 : 3, per_sample, dtype)};
          const Tensor loss = soft_label_loss(z, targets, method.weights);
          tape.backward(loss);
          // Printed with six digits; CUDA sums in float32, and the KL terms carry factors up to 25.
          const double digits = device == Device::cuda ? 3e-6 : dtype == DType::f64 ? 6e-7 : 1.2e-6;
          CHECK(std::abs(to_doubles(loss)[0] - method.loss) < digits);
          const auto gradient = to_doubles(z.grad());
          for (size_t c = 0; c < 3; ++c) CHECK(std::abs(gradient[c] - method.gradient[c]) < digits);
        }
}

TEST_CASE("soft_label_loss: gradients and devices for 2 to 60 classes") {
  const SoftLabelWeights all{.ce = .7, .kl = 3, .tau = 2.5, .entropy = .2};
  for (const auto& [batch, classes] :
       std::vector<std::pair<int64_t, int64_t>>{{1, 2}, {7, 3}, {33, 10}, {65, 60}})
    for (bool per_sample : {false, true}) {
      CAPTURE(batch);
      CAPTURE(classes);
      const int64_t samples = batch + 3, rows = per_sample ? samples : classes;
      const Row q1 = random_labels(rows, classes, 20), q2 = random_labels(rows, classes, 21);
      auto op = [&](const Inputs& in) {
        Context& context = in[0].context();
        std::vector<int32_t> labels, order;
        for (int64_t i = 0; i < samples; ++i) labels.push_back(static_cast<int32_t>(i * 5 % classes));
        for (int64_t i = 0; i < batch; ++i) order.push_back(static_cast<int32_t>((i * 2 + 1) % samples));
        auto labels_of = [&](const Row& q) {
          return SoftLabels{in[0].dtype() == DType::f64 ? tensor_of<double>(context, {rows, classes}, q)
                                                        : tensor_of<float>(context, {rows, classes}, q),
                            per_sample};
        };
        return soft_label_loss(
            in[0], {indices(context, labels), indices(context, order), labels_of(q1), labels_of(q2)}, all);
      };
      check_op(op, {{batch, classes}}, {.low = -4, .high = 4});
    }
}

TEST_CASE("soft_label_loss: relaxed labels, gradients and devices for 2 to 60 classes") {
  for (const auto& [batch, classes] : std::vector<std::pair<int64_t, int64_t>>{{1, 2}, {9, 3}, {21, 60}})
    for (const double alpha : {.05, .4}) {
      CAPTURE(classes);
      auto op = [&](const Inputs& in) {
        std::vector<int32_t> labels;
        for (int64_t i = 0; i < batch; ++i) labels.push_back(static_cast<int32_t>(i * 5 % classes));
        // Shifted towards the class for every third sample, so that some lie inside, where nothing is lost.
        Row lift(static_cast<size_t>(batch * classes), 0.0);
        for (int64_t i = 0; i < batch; i += 3)
          lift[static_cast<size_t>(i * classes + labels[static_cast<size_t>(i)])] = 12;
        const Tensor shift = in[0].dtype() == DType::f64
                                 ? tensor_of<double>(in[0].context(), in[0].shape(), lift)
                                 : tensor_of<float>(in[0].context(), in[0].shape(), lift);
        return soft_label_loss(add(in[0], shift), {.labels = indices(in[0].context(), labels)},
                               {.ce = 1.5, .relaxation = alpha});
      };
      check_op(op, {{batch, classes}}, {.low = -3, .high = 3});
    }
}

TEST_CASE("soft_label_loss: relaxed labels at the edge, beyond it and for extreme logits") {
  for (Device device : devices())
    for (DType dtype : {DType::f32, DType::f64}) {
      if (device == Device::cuda && dtype == DType::f64) continue;
      CAPTURE(name_of(device));
      Context context(strict(device));
      const auto run = [&](const Row& logits, double alpha) {
        const Shape shape = {1, static_cast<int64_t>(logits.size())};
        Tensor z = dtype == DType::f64 ? tensor_of<double>(context, shape, logits)
                                       : tensor_of<float>(context, shape, logits);
        z.set_requires_grad();
        Tape tape(context);
        const Tensor totals = Tensor::zeros(context, {soft_label_totals}, DType::f64);
        const Tensor loss =
            soft_label_loss(z, {.labels = indices(context, {0})}, {.relaxation = alpha}, totals);
        tape.backward(loss);
        CHECK(totals.to_vector<double>()[1] == doctest::Approx(to_doubles(loss)[0]).epsilon(1e-6));
        auto result = to_doubles(z.grad());
        result.insert(result.begin(), to_doubles(loss)[0]);
        return result;
      };
      // p_y = ½ and α = ½: the edge itself is inside. A little below, loss and gradient are still small.
      check_close(run({0, 0}, .5), {0, 0, 0}, 1e-12, "edge");
      check_close(run({-1e-3, 0}, .5), {1.25e-7, -2.5e-4, 2.5e-4}, 1e-6, "below the edge");
      check_close(run({1e-3, 0}, .5), {0, 0, 0}, 1e-12, "above the edge");
      check_close(run({80, -80, -80}, .1), {0, 0, 0, 0}, 1e-12, "saturated, right");
      // Saturated and wrong: .9 (log .9 + 160) + .1 log .1 to the only other class that has any mass.
      check_close(run({-80, 80, -80}, .1), {.9 * (std::log(.9) + 160) + .1 * std::log(.1), -.9, .9, 0}, 1e-6,
                  "saturated, wrong");
      check_close(run({-80, 80, 80}, .1),
                  {.9 * (std::log(.9) + 160 + std::log(2.)) + .1 * std::log(.1), -.9, .45, .45}, 1e-6,
                  "saturated, undecided");
    }
  Context context(strict(Device::cpu));
  const Tensor z = Tensor::zeros(context, {1, 2});
  for (const double alpha : {-.1, 1.0, std::nan("")})
    CHECK_THROWS_AS(soft_label_loss(z, {.labels = indices(context, {0})}, {.relaxation = alpha}), Error);
}

TEST_CASE("soft_label_loss gathers labels and soft labels by sample number") {
  for (Device device : devices()) {
    Context context(strict(device));
    const auto z = tensor_of<float>(context, {2, 2}, {3, 0, 0, 1});
    const SoftLabels q{tensor_of<float>(context, {3, 2}, {.5, .5, .25, .75, 1, 0}), true};
    const Tensor totals = Tensor::zeros(context, {soft_label_totals}, DType::f64);
    const SoftLabelTargets targets{indices(context, {1, 0, 0}), indices(context, {2, 1}), q, q};
    const double loss = to_doubles(soft_label_loss(z, targets, {.ce = 1, .kl = 2, .tau = 1}, totals))[0];
    const double ce0 = std::log(1 + std::exp(-3.0)), ce1 = std::log(1 + std::exp(1.0)) - .75;
    const double kl1 = ce1 + .25 * std::log(.25) + .75 * std::log(.75);
    CHECK(loss == doctest::Approx((ce0 + 2 * ce0 + ce1 + 2 * kl1) / 2).epsilon(1e-5));
    const auto sums = totals.to_vector<double>();
    CHECK(sums[0] == doctest::Approx(2 * loss).epsilon(1e-5));
    CHECK(sums[1] == doctest::Approx(ce0 + ce1).epsilon(1e-5));
    CHECK(sums[2] == doctest::Approx(ce0 + kl1).epsilon(1e-5));
    CHECK(sums[3] == 1);  // sample 2 is of class 0 and hit; sample 1 is of class 0, the largest logit says 1
  }
}

TEST_CASE("totals add up over batches, and a tie counts for the lowest class") {
  for (Device device : devices()) {
    Context context(strict(device));
    const Tensor totals = Tensor::zeros(context, {soft_label_totals}, DType::f64);
    const auto z = tensor_of<float>(context, {3, 3}, {1, 1, 0, 0, 2, 2, 5, 5, 5});
    for (int32_t label = 0; label < 3; ++label)
      soft_label_loss(z, {.labels = indices(context, {label, label, label})}, {}, totals);
    const auto sums = totals.to_vector<double>();
    CHECK(sums[3] == 3);  // label 0: rows 0 and 2; label 1: row 1; label 2: none
    CHECK(sums[0] == doctest::Approx(sums[1]));
    CHECK(sums[2] == 0);  // no KL term
  }
}

TEST_CASE("soft_label_loss is exact for extreme logits") {
  for (Device device : devices()) {
    Context context(strict(device));
    auto z = tensor_of<float>(context, {2, 3}, {80, -80, 0, -80, 80, 80}).set_requires_grad();
    Tape tape(context);
    const SoftLabels half{tensor_of<float>(context, {3, 3}, {.5, .5, 0, .5, .5, 0, 0, 0, 1}), false};
    const Tensor loss = soft_label_loss(z, {.labels = indices(context, {1, 0}), .q2 = half},
                                        {.ce = 1, .kl = 1, .tau = .5, .entropy = .1});
    tape.backward(loss);
    // Row 0: CE 160, KL(half || p at 0.5) = log ½ + 160; row 1: CE 160 + log 2, KL log ½ + 160 + log 2, H =
    // log 2.
    const double log2 = std::log(2.0);
    CHECK(to_doubles(loss)[0] ==
          doctest::Approx((160 + 160 - log2 + 160 + log2 + 160 + .4e-9 - .1 * log2) / 2));
    const auto g = to_doubles(z.grad());
    check_close(
        g, {(1 + 2 * .5) / 2, (-1 - 2 * .5) / 2, 0, (-1 - 2 * .5) / 2, (.5 + 2 * 0.) / 2, (.5 + 2 * .5) / 2},
        1e-6, "gradient");
  }
}

TEST_CASE("soft_label_loss names what does not fit") {
  Context context(strict(Device::cpu));
  const Tensor z = Tensor::zeros(context, {2, 3});
  CHECK_THROWS_WITH_AS(soft_label_loss(z, {.labels = indices(context, {0, 3})}, {}),
                       "[soft_label_loss] sample 1 has label 3, the logits have 3 classes", Error);
  CHECK_THROWS_AS(soft_label_loss(z, {.labels = indices(context, {0, -1})}, {}), Error);
  CHECK_THROWS_WITH_AS(soft_label_loss(z, {indices(context, {0, 1}), indices(context, {0, 2}), {}, {}}, {}),
                       "[soft_label_loss] index[1] is 2, there are 2 samples", Error);
  CHECK_THROWS_AS(soft_label_loss(z, {.labels = indices(context, {0})}, {}), Error);
  CHECK_THROWS_AS(soft_label_loss(z, {.labels = indices(context, {0, 1})}, {.tau = 0}), Error);
  const SoftLabels small{Tensor::zeros(context, {2, 3}), false};
  CHECK_THROWS_AS(soft_label_loss(z, {.labels = indices(context, {0, 1}), .q1 = small}, {}), Error);
}

TEST_CASE("soft_label_loss does not depend on the number of threads") {
  const Row z = random_values(257 * 11, 5, -5, 5);
  std::vector<int32_t> labels(257);
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int32_t>(i % 11);
  std::vector<float> losses;
  for (int threads : {1, 2, 3, 5}) {
    Context context(strict(Device::cpu, threads));
    losses.push_back(
        soft_label_loss(tensor_of<float>(context, {257, 11}, z), {.labels = indices(context, labels)}, {})
            .item<float>());
    CHECK(losses.back() == losses.front());
  }
}
