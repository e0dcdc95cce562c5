// SPDX-License-Identifier: MIT
#include <cmath>
#include <numeric>

#include "mellow/engine/ops/soft_label_loss.h"
#include "mellow/losses/cls.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/files.h"

using namespace mellow;
using namespace mellow::test;

namespace {

// Class means (0, 0), (3, 4), (6, 8): distances 5, 10, 5, mean 20/3.
const std::vector<double> worked_points = {-1, 2, 1, -2, 3, 4, 6, 8};
const std::vector<int32_t> worked_labels = {0, 0, 1, 2};
const std::vector<double> worked_row = {.9, .0679178699175, .0320821300825};

MethodInputs inputs(Context& context, const std::function<Tensor()>& representations,
                    const std::function<Tensor()>& raw) {
  return {.context = context,
          .labels = worked_labels,
          .classes = 3,
          .representations = representations,
          .raw_series = raw};
}

Tensor no_tensor() { throw Error("should not be asked for"); }

}  // namespace

TEST_CASE("cls: labels of the worked example") {
  const auto distances = class_mean_distances(worked_points, worked_labels, 3);
  check_close(distances, {0, 5, 10, 5, 0, 5, 10, 5, 0}, 1e-12, "distance");
  CHECK(mean_off_diagonal(distances, 3) == doctest::Approx(20. / 3).epsilon(1e-14));
  const double far = worked_row[2], near = worked_row[1];
  check_close(similarity_labels(distances, 3, .1, 1), {.9, near, far, .05, .9, .05, far, near, .9}, 1e-9,
              "label");
  // A high temperature forgets the distances, a low one leaves the nearest class.
  check_close(similarity_labels(distances, 3, .1, 1e9), {.9, .05, .05, .05, .9, .05, .05, .05, .9}, 1e-9,
              "label");
  check_close(similarity_labels(distances, 3, .1, 1e-9), {.9, .1, 0, .05, .9, .05, 0, .1, .9}, 1e-12,
              "label");
}

TEST_CASE("cls: the recipe gives the worked loss and gradient, from series or representations") {
  for (Device device : devices())
    for (const bool encoder : {false, true}) {
      Context context(strict(device));
      const auto points = [&] { return tensor_of<float>(context, {4, 2}, worked_points); };
      const MethodInputs in =
          encoder ? inputs(context, points, no_tensor) : inputs(context, no_tensor, points);
      const Method& cls = find_method("cls");
      const MethodOptions options =
          resolve_options(cls, "inception-time", {{"source", encoder ? "encoder" : "raw"}});
      CHECK(cls.uses_encoder(options) == encoder);
      const Recipe recipe = cls.build(in, options);
      CHECK(!recipe.q1.per_sample);
      CHECK(recipe.report.at("mean_class_distance") == doctest::Approx(20. / 3));
      Tensor z = tensor_of<float>(context, {1, 3}, {2, 1, .1}).set_requires_grad();
      Tape tape(context);
      const Tensor loss = soft_label_loss(
          z,
          {.labels = Tensor::from(context, {1}, std::vector<int32_t>{0}), .q1 = recipe.q1, .q2 = recipe.q2},
          recipe.weights);
      tape.backward(loss);
      CHECK(std::abs(to_doubles(loss)[0] - 0.545904) < 1.5e-6);
      const std::vector<double> p = {.659001, .242433, .098566};
      const auto gradient = to_doubles(z.grad());
      for (size_t c = 0; c < 3; ++c) CHECK(std::abs(gradient[c] - (p[c] - worked_row[c])) < 1.5e-6);
    }
  CHECK(!find_method("cls").uses_encoder(resolve_options(find_method("cls"), "inception-time", {})));
}

TEST_CASE("cls: two classes, sixty classes, equal means") {
  check_close(similarity_labels({0, 7, 7, 0}, 2, .3, 1), {.7, .3, .3, .7}, 1e-15, "label");
  check_close(similarity_labels(std::vector<double>(9, 0.), 3, .2, 1), {.8, .1, .1, .1, .8, .1, .1, .1, .8},
              1e-15, "label");
  check_close(similarity_labels({0, 7, 7, 0}, 2, 0, 1), {1, 0, 0, 1}, 0, "label");

  const int64_t classes = 60, dims = 7, samples = 150;
  const auto points = random_values(samples * dims, 3, -2, 5);
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < samples; ++i) labels.push_back(static_cast<int32_t>(i % classes));
  const auto d = class_mean_distances(points, labels, classes);
  const auto q = similarity_labels(d, classes, .1, .5);
  for (int64_t c = 0; c < classes; ++c) {
    const auto row = q.begin() + c * classes;
    REQUIRE(std::accumulate(row, row + classes, 0.0) == doctest::Approx(1).epsilon(1e-12));
    REQUIRE(row[c] == 1 - .1);
    // Ratios of a softmax: exp of the difference of the distances.
    const double scale = .5 * mean_off_diagonal(d, classes);
    const int64_t other = c == 0 ? 1 : 0;
    const auto to_c = d.begin() + c * classes;
    for (int64_t j = 0; j < classes; ++j)
      if (j != c)
        REQUIRE(row[j] / row[other] ==
                doctest::Approx(std::exp((to_c[other] - to_c[j]) / scale)).epsilon(1e-9));
  }
}

TEST_CASE("cls: what cannot be computed is refused") {
  CHECK(contains(message_of([] {
                   class_mean_distances({1, 2, 3}, std::vector<int32_t>{0, 0, 2}, 3);
                 }),
                 "class 1 has no training sample"));
  CHECK(contains(message_of([] {
                   class_mean_distances({1, 2, 3}, std::vector<int32_t>{0, 1}, 2);
                 }),
                 "3 values cannot be rows for 2 labels"));
  CHECK(contains(message_of([] { class_mean_distances({}, {}, 2); }), "0 labels"));
  CHECK(contains(message_of([] { similarity_labels({0}, 1, .1, 1); }), "at least two classes"));
  CHECK(contains(message_of([] { similarity_labels({0, 1}, 2, .1, 1); }), "got 2"));
  CHECK(contains(message_of([] { similarity_labels({0, NAN, NAN, 0}, 2, .1, 1); }), "not finite"));
  const auto refusal = [](const std::string& option, const std::string& value) {
    return message_of([&] { resolve_options(find_method("cls"), "inception-time", {{option, value}}); });
  };
  CHECK(contains(refusal("epsilon", "1"), "[0, 1), got 1"));
  CHECK(contains(refusal("epsilon", "-1"), "[0, 1)"));
  CHECK(refusal("epsilon", "0.99").empty());
  CHECK(contains(refusal("tau", "0"), "(0, 1000]"));
  CHECK(contains(refusal("source", "both"), "raw, encoder"));
}
