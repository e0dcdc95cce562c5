// SPDX-License-Identifier: MIT
#include <numeric>
#include <set>

#include <doctest/doctest.h>

#include "mellow/losses/method.h"
#include "mellow/tests/support/files.h"

using namespace mellow;

TEST_CASE("every method builds with its defaults and gives proper soft labels") {
  Context context;
  const std::vector<int32_t> labels = {0, 1, 2, 1, 0, 2};
  std::vector<float> points(12);
  std::iota(points.begin(), points.end(), 0.f);
  const auto some_points = [&] { return Tensor::from(context, {6, 2}, points); };
  const TeacherOutputs says{
      std::vector<double>(18, 0.25), {1, 0, 0, 0, 2, 0, 1, 1, 3}, std::vector<int32_t>{0, 1, 2}};
  bool asked = false;
  const MethodInputs in{.context = context,
                        .labels = labels,
                        .classes = 3,
                        .epochs = 4,
                        .seed = 1,
                        .representations = some_points,
                        .raw_series = some_points,
                        .teacher = [&] {
                          asked = true;
                          return says;
                        }};
  std::set<std::string> names;
  for (const Method& method : methods()) {
    CAPTURE(method.name);
    CHECK(names.insert(method.name).second);
    CHECK(!method.formula.empty());
    CHECK(!method.paper.empty());
    asked = false;
    const Recipe recipe = method.build(in, resolve_options(method, "inception-time", {}));
    CHECK(asked == (method.teacher != TeacherKind::none));
    CHECK((!method.needs_validation || method.teacher != TeacherKind::none));
    CHECK(recipe.weights.tau > 0);
    for (const SoftLabels* q : {&recipe.q1, &recipe.q2}) {
      if (!q->table.defined()) continue;
      CHECK(q->table.shape() == (Shape{q->per_sample ? 6 : 3, 3}));
      if (recipe.moving) continue;  // filled in as training goes
      const auto rows = q->table.to_vector<float>();
      for (size_t i = 0; i < rows.size(); i += 3)
        CHECK(rows[i] + rows[i + 1] + rows[i + 2] == doctest::Approx(1));
    }
    CHECK((recipe.weights.kl == 0 || recipe.q2.table.defined()));
  }
  for (const char* name : {"hard",
                           "ls",
                           "cp",
                           "rsls",
                           "lsr",
                           "lsr-os",
                           "lsr-os-tc",
                           "tfkd-reg",
                           "bootstrap",
                           "cls",
                           "kd",
                           "tfkd-self",
                           "self-distillation",
                           "ils1",
                           "ils2",
                           "ils",
                           "ps-kd",
                           "ols",
                           "disturb-label",
                           "beta",
                           "label-relaxation"})
    CHECK(names.count(name) == 1);
}

TEST_CASE("an unknown method is refused with the known ones") {
  const std::string message = test::message_of([] { find_method("softest"); });
  CHECK(test::contains(message, "softest"));
  CHECK(test::contains(message, "rsls"));
}

TEST_CASE("label smoothing keeps 1 - ε + ε/K for the class") {
  Context context;
  const auto rows = smoothed_labels(context, 4, 0.2).table.to_vector<float>();
  CHECK(rows[0] == doctest::Approx(0.85));
  CHECK(rows[1] == doctest::Approx(0.05));
  CHECK(rows[5] == doctest::Approx(0.85));
}

TEST_CASE("a method says which callback it lacks") {
  Context context;
  const std::vector<int32_t> labels = {0, 1, 1};
  const MethodInputs in{.context = context, .labels = labels, .classes = 2};
  const auto built = [&](const char* name, const std::map<std::string, std::string>& given = {}) {
    const Method& method = find_method(name);
    return test::message_of([&] { method.build(in, resolve_options(method, "fcn", given)); });
  };
  for (const Method& method : methods())
    if (method.teacher != TeacherKind::none)
      CHECK(test::contains(built(method.name.c_str()), "MethodInputs::teacher"));
  for (const char* name : {"rsls", "cls"}) {
    CHECK(test::contains(built(name, {{"source", "encoder"}}), "MethodInputs::representations"));
    CHECK(test::contains(built(name, {{"source", "raw"}}), "MethodInputs::raw_series"));
  }
  MethodInputs short_of_logits = in;
  short_of_logits.teacher = [] { return TeacherOutputs{{1, 2}, {}, {}}; };
  const Method& kd = find_method("kd");
  CHECK_THROWS_AS(kd.build(short_of_logits, resolve_options(kd, "fcn", {})), Error);
}

TEST_CASE("tables of no classes are refused") {
  Context context;
  CHECK_THROWS_AS(smoothed_labels(context, 0, 0.1), Error);
  CHECK_THROWS_AS(soft_labels(context, {}, 0, false), Error);
}
