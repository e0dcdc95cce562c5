// SPDX-License-Identifier: MIT
// Methods whose soft labels depend on the class alone: what their recipes make of one loss kernel.
#include <cmath>
#include <functional>
#include <map>

#include "mellow/engine/ops/soft_label_loss.h"
#include "mellow/losses/method.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/files.h"

using namespace mellow;
using namespace mellow::test;

namespace {

using Row = std::vector<double>;
using Given = std::map<std::string, std::string>;

Recipe recipe_of(Context& context, const std::string& name, int64_t classes, const Given& given) {
  const Method& method = find_method(name);
  const MethodInputs in{.context = context, .labels = {}, .classes = classes};  // no series are asked for
  return method.build(in, resolve_options(method, "inception-time", given));
}

struct Result {
  double loss;
  Row gradient;
};

// What training computes with the recipe for one sample.
Result run(Context& context, const Recipe& recipe, const Row& logits, int32_t label) {
  const Shape shape = {1, static_cast<int64_t>(logits.size())};
  Tensor z = tensor_of<float>(context, shape, logits).set_requires_grad();
  Tape tape(context);
  const SoftLabelTargets targets{
      .labels = Tensor::from(context, {1}, std::vector<int32_t>{label}), .q1 = recipe.q1, .q2 = recipe.q2};
  const Tensor loss = soft_label_loss(z, targets, recipe.weights);
  tape.backward(loss);
  return {to_doubles(loss)[0], to_doubles(z.grad())};
}

Row softened(const Row& z, double tau) {
  Row p(z.size());
  double sum = 0;
  for (size_t c = 0; c < z.size(); ++c) sum += p[c] = std::exp(z[c] / tau);
  for (double& v : p) v /= sum;
  return p;
}

Row on_label(size_t classes, size_t label, double own) {
  Row q(classes, (1 - own) / static_cast<double>(classes - 1));
  q[label] = own;
  return q;
}

double cross_entropy(const Row& q, const Row& p) {
  double sum = 0;
  for (size_t c = 0; c < q.size(); ++c)
    if (q[c] > 0) sum -= q[c] * std::log(p[c]);
  return sum;
}

double divergence(const Row& q, const Row& p) { return cross_entropy(q, p) - cross_entropy(q, q); }

// A method with options and its loss written out, from logits and label.
struct Definition {
  std::string name;
  Given given;
  std::function<double(const Row& z, size_t label)> loss;
};

// (1 − α) CE(e, p) + weight KL(q ‖ p_τ), the shape most of them have.
double mixed(const Row& z, size_t label, double alpha, double weight, const Row& q, double tau) {
  return (1 - alpha) * -std::log(softened(z, 1)[label]) + weight * divergence(q, softened(z, tau));
}

Row designed(size_t classes, size_t label, double tau) {
  return softened(on_label(classes, label, 0.99), tau);
}

Row uniform(const Row& z) { return Row(z.size(), 1 / static_cast<double>(z.size())); }

std::vector<Definition> definitions() {
  return {
      {"lsr", {{"alpha", "0.3"}}, [](auto& z, size_t y) { return mixed(z, y, .3, .3, uniform(z), 1); }},
      {"lsr", {{"alpha", "1"}}, [](auto& z, size_t y) { return mixed(z, y, 1, 1, uniform(z), 1); }},
      {"lsr-os",
       {{"alpha", "0.3"}, {"tau", "3"}},
       [](auto& z, size_t y) { return mixed(z, y, .3, .3 * 9, uniform(z), 3); }},
      {"lsr-os",
       {{"tau", "0.5"}},
       [](auto& z, size_t y) { return mixed(z, y, .1, .1 * .25, uniform(z), .5); }},
      {"lsr-os-tc",
       {{"alpha", "0.3"}, {"tau", "3"}, {"gamma", "0.25"}},
       [](auto& z, size_t y) { return mixed(z, y, .3, .3 * 3, on_label(z.size(), y, .25), 3); }},
      {"lsr-os-tc",
       {{"gamma", "0.9"}, {"factor", "tau2"}},
       [](auto& z, size_t y) { return mixed(z, y, .1, .1 * 4, on_label(z.size(), y, .9), 2); }},
      {"tfkd-reg",
       {{"alpha", "0.4"}},
       [](auto& z, size_t y) { return mixed(z, y, .4, .4, designed(z.size(), y, 20), 1); }},
      {"tfkd-reg",
       {{"tau", "0.5"}, {"multiplier", "1"}},
       [](auto& z, size_t y) {
         return mixed(z, y, .1, .1 / static_cast<double>(z.size()), designed(z.size(), y, .5), 1);
       }},
      {"tfkd-reg",
       {{"tau", "6"}, {"form", "paper"}, {"multiplier", "50"}},
       [](auto& z, size_t y) {
         return mixed(z, y, .1, .1 * 50 / static_cast<double>(z.size()) * 36, designed(z.size(), y, 6), 6);
       }},
      {"bootstrap",
       {{"beta", "0.8"}},
       [](auto& z, size_t y) {
         const Row p = softened(z, 1);
         Row target = p;
         for (double& v : target) v *= 1 - .8;
         target[y] += .8;
         return cross_entropy(target, p);
       }},
  };
}

struct Golden {
  std::string name;
  Given given;
  double loss;
  Row gradient;
};

}  // namespace

TEST_CASE("fixed labels: recipes give the worked losses and gradients") {
  // z = (2, 1, 0.1), class 0.
  const std::vector<Golden> all = {
      {"lsr", {}, 0.403835, {-.274332, .209100, .065233}},
      {"lsr-os", {}, 0.405126, {-.273228, .212381, .060847}},
      {"lsr-os-tc", {}, 0.377838, {-.306730, .223619, .083112}},
      {"lsr-os-tc", {{"factor", "tau2"}}, 0.380350, {-.306561, .229047, .077514}},
      {"tfkd-reg", {}, 0.402263, {-.275435, .209651, .065784}},
      {"tfkd-reg", {{"multiplier", "3"}}, 0.402263, {-.275435, .209651, .065784}},
      {"tfkd-reg", {{"multiplier", "1"}}, 0.384306, {-.296411, .215344, .081068}},
      {"tfkd-reg", {{"form", "paper"}}, 0.384358, {-.296478, .227611, .068867}},
      {"bootstrap", {}, 0.438515, {-.338108, .237224, .100884}},
  };
  for (Device device : devices())
    for (const Golden& golden : all) {
      CAPTURE(golden.name);
      Context context(strict(device));
      const Result got = run(context, recipe_of(context, golden.name, 3, golden.given), {2, 1, .1}, 0);
      // Printed with six digits; CUDA sums in float32, and KL carries factors up to 40.
      const double digits = device == Device::cuda ? 1e-5 : 1.5e-6;
      CHECK(std::abs(got.loss - golden.loss) < digits);
      for (size_t c = 0; c < 3; ++c) CHECK(std::abs(got.gradient[c] - golden.gradient[c]) < digits);
    }
}

TEST_CASE("fixed labels: recipes agree with the loss written out, 2 to 60 classes") {
  constexpr double step = 1e-5;
  for (Device device : devices())
    for (const int64_t classes : {2, 3, 60})
      for (const Definition& method : definitions()) {
        CAPTURE(method.name);
        CAPTURE(classes);
        Context context(strict(device));
        const Recipe recipe = recipe_of(context, method.name, classes, method.given);
        Row z = random_values(classes, 31, -3, 3);
        for (double& v : z) v = static_cast<float>(v);
        for (const size_t label : {size_t{0}, static_cast<size_t>(classes - 1)}) {
          const Result got = run(context, recipe, z, static_cast<int32_t>(label));
          CHECK(got.loss == doctest::Approx(method.loss(z, label)).epsilon(1e-5));
          for (size_t c = 0; c < z.size(); ++c) {
            Row up = z, down = z;
            up[c] += step;
            down[c] -= step;
            const double slope = (method.loss(up, label) - method.loss(down, label)) / (2 * step);
            INFO("logit ", c, ": ", got.gradient[c], " should be ", slope);
            REQUIRE(std::abs(got.gradient[c] - slope) < 1e-5);
          }
        }
      }
}

TEST_CASE("lsr is label smoothing less a constant") {
  Context context(strict(Device::cpu));
  for (const int64_t classes : {2, 60}) {
    const Row z = random_values(classes, 5, -2, 2);
    const Result smoothed = run(context, recipe_of(context, "ls", classes, {{"epsilon", "0.2"}}), z, 1);
    const Result distilled = run(context, recipe_of(context, "lsr", classes, {{"alpha", "0.2"}}), z, 1);
    CHECK(smoothed.loss - distilled.loss ==
          doctest::Approx(.2 * std::log(static_cast<double>(classes))).epsilon(1e-5));
    check_close(distilled.gradient, smoothed.gradient, 1e-6, "gradient");
  }
}

TEST_CASE("fixed labels: alpha 0 and beta 1 are the hard labels") {
  Context context(strict(Device::cpu));
  const Row z = {1, -2, .5, 0};
  const Result hard = run(context, recipe_of(context, "hard", 4, {}), z, 2);
  for (const char* name : {"lsr", "lsr-os", "lsr-os-tc", "tfkd-reg"}) {
    CAPTURE(name);
    const Result got = run(context, recipe_of(context, name, 4, {{"alpha", "0"}}), z, 2);
    CHECK(got.loss == hard.loss);
    CHECK(got.gradient == hard.gradient);
  }
  CHECK(run(context, recipe_of(context, "bootstrap", 4, {{"beta", "1"}}), z, 2).gradient == hard.gradient);
}

TEST_CASE("tfkd-reg: the published teacher of 100 classes") {
  Context context(strict(Device::cpu));
  const auto rows = to_doubles(recipe_of(context, "tfkd-reg", 100, {}).q2.table);
  CHECK(std::abs(rows[0] - .01050) < 5e-6);
  CHECK(std::abs(rows[1] - .00999) < 5e-6);
  CHECK(rows[5 * 100 + 5] == rows[0]);
  CHECK(rows[99 * 100 + 98] == rows[1]);
  // A small temperature keeps the softmax finite.
  const auto sharp = to_doubles(recipe_of(context, "tfkd-reg", 2, {{"tau", "1e-6"}}).q2.table);
  check_close(sharp, {1, 0, 0, 1}, 1e-12, "teacher");
}

TEST_CASE("fixed labels: options out of range and single classes are refused") {
  const auto refusal = [](const std::string& method, const std::string& option, const std::string& value) {
    return message_of([&] { resolve_options(find_method(method), "inception-time", {{option, value}}); });
  };
  for (const char* method : {"lsr", "lsr-os", "lsr-os-tc", "tfkd-reg"}) {
    CHECK(contains(refusal(method, "alpha", "-0.1"), "[0, 1]"));
    CHECK(contains(refusal(method, "alpha", "1.01"), "[0, 1]"));
  }
  for (const char* method : {"lsr-os", "lsr-os-tc", "tfkd-reg"})
    CHECK(contains(refusal(method, "tau", "0"), "(0, 1000]"));
  for (const char* gamma : {"0", "1", "nan"})
    CHECK(contains(refusal("lsr-os-tc", "gamma", gamma), "(0, 1), got"));
  CHECK(refusal("lsr-os-tc", "gamma", "0.999").empty());
  CHECK(contains(refusal("lsr-os-tc", "factor", "1"), "tau, tau2"));
  CHECK(contains(refusal("tfkd-reg", "multiplier", "-1"), "[0, 10000]"));
  CHECK(contains(refusal("tfkd-reg", "form", "book"), "code, paper"));
  CHECK(contains(refusal("bootstrap", "beta", "1.1"), "[0, 1]"));
  CHECK(contains(refusal("lsr", "tau", "2"), "no option"));
  Context context(strict(Device::cpu));
  for (const char* method : {"lsr-os-tc", "tfkd-reg"})
    CHECK(contains(message_of([&] { recipe_of(context, method, 1, {}); }), "at least two classes, got 1"));
}
