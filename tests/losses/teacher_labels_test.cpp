// SPDX-License-Identifier: MIT
// Methods whose soft labels are made of a network's predictions, against PyTorch (golden_losses.py).
#include <cmath>
#include <numeric>

#include "mellow/engine/train/metrics.h"
#include "mellow/engine/train/temperature_scaling.h"
#include "mellow/losses/instance_smoothing.h"
#include "mellow/losses/ols.h"
#include "mellow/losses/ps_kd.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/files.h"
#include "mellow/tests/support/goldens.h"

using namespace mellow;
using namespace mellow::test;

namespace {

using Row = std::vector<double>;
using Given = std::map<std::string, std::string>;

Recipe recipe_of(Context& context, const std::string& name, std::span<const int32_t> labels, int64_t classes,
                 const TeacherOutputs& teacher, const Given& given = {}) {
  const Method& method = find_method(name);
  const MethodInputs in{
      .context = context, .labels = labels, .classes = classes, .teacher = [&] { return teacher; }};
  return method.build(in, resolve_options(method, "inception-time", given));
}

// Sums to 1 in every row.
void check_distributions(const Row& q, int64_t classes) {
  for (size_t i = 0; i < q.size(); i += static_cast<size_t>(classes)) {
    const auto row = q.begin() + static_cast<int64_t>(i);
    CHECK(std::accumulate(row, row + classes, 0.0) == doctest::Approx(1).epsilon(1e-9));
    CHECK(std::all_of(row, row + classes, [](double v) { return v >= 0 && v <= 1; }));
  }
}

// Loss and gradient of the golden logits under a recipe, sample by sample as training gathers them.
void check_against(const Goldens& golden, const std::string& group, const std::string& method,
                   const Recipe& recipe, Context& context) {
  const auto labels = golden.labels(group + "labels");
  const auto value = golden.values<double>(group + method + ".value"),
             gradient = golden.values<double>(group + method + ".gradient");
  const Shape shape = golden.shape(group + "logits");
  const Tensor all = Tensor::from(context, {shape[0]}, labels);
  for (int64_t i = 0; i < shape[0]; ++i) {
    const auto logits = golden.values<double>(group + "logits");
    const auto first = logits.begin() + i * shape[1];
    Tensor z = tensor_of<float>(context, {1, shape[1]}, Row(first, first + shape[1])).set_requires_grad();
    Tape tape(context);
    const Tensor loss =
        soft_label_loss(z,
                        {.labels = all,
                         .index = Tensor::from(context, {1}, std::vector<int32_t>{static_cast<int32_t>(i)}),
                         .q1 = recipe.q1,
                         .q2 = recipe.q2},
                        recipe.weights);
    tape.backward(loss);
    const double expected = value[static_cast<size_t>(i)];
    CAPTURE(i);
    // Labels are stored in float32, KL carries factors of τ² up to 400 · 0.95.
    CHECK(std::abs(to_doubles(loss)[0] - expected) <= 3e-5 + 2e-6 * std::abs(expected));
    const auto got = to_doubles(z.grad());
    for (int64_t c = 0; c < shape[1]; ++c)
      CHECK(std::abs(got[static_cast<size_t>(c)] - gradient[static_cast<size_t>(i * shape[1] + c)]) <= 1e-5);
  }
}

}  // namespace

TEST_CASE("methods with a teacher: labels, losses and gradients are PyTorch's") {
  const Goldens golden("losses");
  for (Device device : devices())
    for (const int64_t classes : {2, 3, 10, 60}) {
      const std::string group = text("k", classes, ".");
      Context context(strict(device));
      const auto labels = golden.labels(group + "labels");
      const TeacherOutputs teacher{.logits = golden.values<double>(group + "teacher")};
      const std::pair<const char*, const char*> methods[] = {{"kd", "kd"},
                                                             {"tfkd-self", "tfkd_self"},
                                                             {"self-distillation", "self_distillation"},
                                                             {"ils2", "ils2"}};
      for (const auto& [name, stored] : methods) {
        CAPTURE(name);
        CAPTURE(classes);
        const Recipe recipe = recipe_of(context, name, labels, classes, teacher);
        const bool second = recipe.q2.table.defined();
        check_close(to_doubles(second ? recipe.q2.table : recipe.q1.table),
                    golden.values<double>(group + stored + (second ? ".q2" : ".q1")), 1e-7, "labels");
        check_against(golden, group, stored, recipe, context);
      }
      check_against(golden, group, "label_relaxation",
                    recipe_of(context, "label-relaxation", labels, classes, teacher), context);
    }
}

TEST_CASE("instance smoothing: labels are PyTorch's") {
  const Goldens golden("losses");
  for (const int64_t classes : {2, 3, 10, 60}) {
    CAPTURE(classes);
    const std::string group = text("k", classes, ".");
    const auto labels = golden.labels(group + "labels");
    const auto logits = golden.values<double>(group + "teacher");
    const auto p = probabilities_of(logits, classes, 1);
    Row epsilons;
    for (size_t i = 0; i < labels.size(); ++i)
      epsilons.push_back(
          instance_epsilon(p[i * static_cast<size_t>(classes) + static_cast<size_t>(labels[i])], .8, 2));
    check_close(smoothed_labels(labels, classes, epsilons), golden.values<double>(group + "ils1.q1"), 1e-12,
                "ils1");
    check_close(teacher_shaped_labels(labels, classes, epsilons, logits, 4),
                golden.values<double>(group + "ils.q1"), 1e-12, "ils");
  }
}

TEST_CASE("labels of the epoch before: ps-kd and ols are PyTorch's") {
  const Goldens golden("losses");
  for (const int64_t classes : {2, 3, 10, 60}) {
    CAPTURE(classes);
    const std::string group = text("k", classes, ".");
    const auto labels = golden.labels(group + "labels");
    const auto p = probabilities_of(golden.values<double>(group + "teacher"), classes, 1);
    const std::vector<float> predictions(p.begin(), p.end());
    const auto progressive = progressive_labels(predictions, labels, .3);
    check_close({progressive.begin(), progressive.end()}, golden.values<double>(group + "ps_kd.q1"), 1e-6,
                "ps-kd");
    const auto online = online_labels(predictions, labels, classes, .5);
    const auto rows = golden.values<double>(group + "ols.q1");
    const auto k = static_cast<size_t>(classes);
    for (size_t i = 0; i < labels.size(); ++i)
      for (size_t c = 0; c < k; ++c)
        CHECK(std::abs(static_cast<double>(online[static_cast<size_t>(labels[i]) * k + c]) -
                       rows[i * k + c]) < 1e-6);
  }
}

TEST_CASE("ols: the first of equal predictions counts, a class never right is uniform") {
  const std::vector<int32_t> labels = {0, 1, 1, 2};
  // Sample 0: tie, class 0 is first: right. Sample 1: tie, class 0 is first: wrong. Sample 2 right, 3 wrong.
  const std::vector<float> predictions = {.4f, .4f, .2f, .4f, .4f, .2f, .1f, .8f, .1f, .6f, .3f, .1f};
  const auto q = online_labels(predictions, labels, 3, .25);
  const double third = .75 / 3;
  check_close(
      {q.begin(), q.end()},
      {.25 + .75 * .4, .75 * .4, .75 * .2, .75 * .1, .25 + .75 * .8, .75 * .1, third, third, .25 + third},
      1e-7, "labels");
}

TEST_CASE("instance smoothing: the worked point, and two classes") {
  const Row teacher = {std::log(.7), std::log(.2), std::log(.1)};
  const std::vector<int32_t> first = {0};
  const auto shaped = [&](double epsilon) {
    return teacher_shaped_labels(first, 3, Row{epsilon}, teacher, 1);
  };
  CHECK(instance_epsilon(.7, .8, 2) == doctest::Approx(.02));
  check_close(shaped(.1), {.9, .2 / 3, .1 / 3}, 1e-15, "ils2");
  check_close(shaped(.02), {.98, .04 / 3, .02 / 3}, 1e-15, "ils");
  check_close(smoothed_labels(first, 3, Row{.02}), {.98 + .02 / 3, .02 / 3, .02 / 3}, 1e-15, "ils1");
  // There is one other class: it gets all.
  check_close(teacher_shaped_labels(first, 2, Row{.1}, Row{3, -5}, 4), {.9, .1}, 1e-15, "two classes");
}

TEST_CASE("a saturated teacher gives finite labels") {
  Context context(strict(Device::cpu));
  const std::vector<int32_t> labels = {0, 1, 2};
  // Sure and right, sure and wrong, and so sure that exp overflows double.
  const TeacherOutputs teacher{
      {80, -80, -80, 80, -80, -80, -2000, 1000, 2000}, {80, -80, -80, -80, 80, -80, 0, 0, 1}, {0, 1, 2}};
  for (const char* name : {"kd", "tfkd-self", "self-distillation", "ils1", "ils2", "ils"}) {
    CAPTURE(name);
    const Recipe recipe = recipe_of(context, name, labels, 3, teacher);
    const auto q = to_doubles(recipe.q2.table.defined() ? recipe.q2.table : recipe.q1.table);
    for (size_t i = 0; i < q.size(); i += 3) {
      CHECK(q[i] + q[i + 1] + q[i + 2] == doctest::Approx(1).epsilon(1e-6));
      for (size_t c = i; c < i + 3; ++c) CHECK(std::isfinite(q[c]));
    }
  }
  const auto q = teacher_shaped_labels(labels, 3, Row(3, .1), teacher.logits, 1);
  check_distributions(q, 3);
  // 1 - t_y is 0 in double for sample 0; its other classes are alike.
  check_close({q[0], q[1], q[2]}, {.9, .05, .05}, 1e-15, "saturated");
  check_close({q[6], q[7], q[8]}, {0, .1, .9}, 1e-15, "overflow");
  // A tiny temperature is the hard prediction, not a division by zero.
  check_close(probabilities_of(Row{3, 2, 2}, 3, 1e-300), {1, 0, 0}, 0, "cold");
}

TEST_CASE("ils1 and ils take the amount from the calibrated teacher") {
  Context context(strict(Device::cpu));
  const std::vector<int32_t> labels = {0, 1};
  // Right four times in five with a confidence of .99: overconfident, so T > 1; the paper's bounds cut at 3.
  const double sure = std::log(99.0);
  TeacherOutputs teacher{{sure, 0, 0, sure}, {}, {}};
  for (int i = 0; i < 10; ++i) {
    teacher.validation_logits.insert(teacher.validation_logits.end(), {sure, 0.0});
    teacher.validation_labels.push_back(i < 2 ? 1 : 0);
  }
  // NLL is least where softmax says .8: sure / T = log 4.
  const double t = sure / std::log(4.0);
  REQUIRE(t > 3);
  for (const char* name : {"ils1", "ils"}) {
    const Recipe recipe = recipe_of(context, name, labels, 2, teacher);
    CHECK(recipe.report.at("teacher_temperature") == doctest::Approx(3).epsilon(1e-6));
    const double p = 1 / (1 + std::exp(-sure / 3)), epsilon = 2 * (p - .8) * (p - .8);
    const auto q = to_doubles(recipe.q1.table);
    CHECK(q[1] == doctest::Approx(name == std::string("ils") ? epsilon : epsilon / 2).epsilon(1e-5));
  }
  teacher.validation_labels = std::vector<int32_t>(10, 0);  // never wrong: as sharp as allowed
  CHECK(recipe_of(context, "ils1", labels, 2, teacher).report.at("teacher_temperature") ==
        doctest::Approx(.8).epsilon(1e-6));
  const TeacherOutputs uncalibrated{.logits = {0, 0, 0, 0}};
  for (const char* name : {"ils1", "ils"})
    CHECK(contains(message_of([&] { recipe_of(context, name, labels, 2, uncalibrated); }),
                   "--val holdout:0.2"));
}

TEST_CASE("methods with a teacher: weights follow the options") {
  Context context(strict(Device::cpu));
  const std::vector<int32_t> labels = {0, 3};
  const TeacherOutputs teacher{.logits = Row(8, 0.0)};
  const auto weights = [&](const char* name, const Given& given) {
    return recipe_of(context, name, labels, 4, teacher, given).weights;
  };
  const SoftLabelWeights kd = weights("kd", {{"alpha", "0.5"}, {"tau", "3"}});
  CHECK(kd.ce == .5);
  CHECK(kd.kl == doctest::Approx(.5 * 9));
  CHECK(kd.tau == 3);
  // m / K, and 0 for m = K.
  CHECK(weights("tfkd-self", {{"alpha", "0.2"}, {"tau", "2"}}).kl == doctest::Approx(.2 * 4 / 4));
  CHECK(weights("tfkd-self", {{"alpha", "0.2"}, {"tau", "2"}, {"multiplier", "0"}}).kl ==
        doctest::Approx(.2 * 4));
  CHECK(weights("tfkd-self", {{"alpha", "0.2"}, {"tau", "2"}, {"multiplier", "10"}}).kl ==
        doctest::Approx(.2 * 4 * 10 / 4));
  CHECK(weights("self-distillation", {}).ce == 1);
  CHECK(weights("self-distillation", {}).kl == 0);
  CHECK(weights("label-relaxation", {{"alpha", "0.25"}}).relaxation == .25);
}

TEST_CASE("methods with a teacher: published defaults") {
  const auto value = [](const char* method, const char* option) {
    return resolve_options(find_method(method), "inception-time", {}).number(option);
  };
  CHECK(value("kd", "alpha") == .9);
  CHECK(value("kd", "tau") == 4);
  CHECK(value("tfkd-self", "alpha") == .95);
  CHECK(value("tfkd-self", "tau") == 20);
  CHECK(value("tfkd-self", "multiplier") == 1);
  CHECK(value("ils1", "p1") == .8);
  CHECK(value("ils1", "p2") == 2);
  CHECK(value("ils2", "epsilon") == .1);
  CHECK(value("ps-kd", "alpha") == .8);
  CHECK(value("ols", "alpha") == .5);
  CHECK(value("disturb-label", "epsilon") == .1);
  CHECK(value("beta", "epsilon") == .1);
  CHECK(value("beta", "weight") == .6);
  CHECK(value("beta", "decay") == .999);
  CHECK(value("label-relaxation", "alpha") == .1);
}

TEST_CASE("methods with a teacher: options out of range are refused") {
  const auto refusal = [](const std::string& method, const std::string& option, const std::string& value) {
    return message_of([&] { resolve_options(find_method(method), "inception-time", {{option, value}}); });
  };
  for (const char* method : {"kd", "tfkd-self", "ps-kd", "ols"}) {
    CAPTURE(method);
    CHECK(contains(refusal(method, "alpha", "-0.01"), "[0, 1]"));
    CHECK(contains(refusal(method, "alpha", "1.01"), "[0, 1]"));
    CHECK(contains(refusal(method, "alpha", "nan"), "[0, 1]"));
    CHECK(refusal(method, "alpha", "1").empty());
  }
  for (const char* method : {"kd", "tfkd-self", "ils2", "ils"}) {
    CHECK(contains(refusal(method, "tau", "0"), "(0, 1000]"));
    CHECK(contains(refusal(method, "tau", "-2"), "(0, 1000]"));
  }
  for (const char* alpha : {"0", "1"}) CHECK(contains(refusal("label-relaxation", "alpha", alpha), "(0, 1)"));
  CHECK(contains(refusal("ils1", "p1", "1.1"), "[0, 1]"));
  CHECK(contains(refusal("ils", "p2", "-1"), "[0, 100]"));
  CHECK(contains(refusal("ils2", "epsilon", "1.5"), "[0, 1]"));
  CHECK(contains(refusal("beta", "epsilon", "0"), "(0, 1)"));
  CHECK(contains(refusal("beta", "decay", "1"), "[0, 1)"));
  CHECK(contains(refusal("beta", "weight", "0"), "(0, 1]"));
  CHECK(contains(refusal("disturb-label", "epsilon", "2"), "[0, 1]"));
  Context context(strict(Device::cpu));
  const std::vector<int32_t> labels = {0, 1};
  const auto beta = [&](const Given& given, int64_t classes) {
    return message_of([&] { recipe_of(context, "beta", labels, classes, {}, given); });
  };
  CHECK(contains(beta({{"epsilon", "0.6"}}, 2), "must stay below --weight (0.6)"));
  CHECK(contains(beta({{"epsilon", "0.3"}, {"weight", "0.2"}}, 2), "must stay below --weight"));
  CHECK(beta({{"epsilon", "0.3"}, {"weight", "1"}}, 2).empty());
  CHECK(contains(beta({}, 1), "two classes"));
}
