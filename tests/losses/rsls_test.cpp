// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <numeric>

#include <doctest/doctest.h>

#include "mellow/engine/core/random.h"
#include "mellow/losses/rsls.h"
#include "mellow/tests/support/files.h"

using namespace mellow;

namespace {

void check_row(const std::vector<double>& q, std::vector<double> expected, double tolerance) {
  REQUIRE(q.size() == expected.size());
  for (size_t i = 0; i < q.size(); ++i) CHECK(std::abs(q[i] - expected[i]) <= tolerance);
}

}  // namespace

TEST_CASE("rsls: soft labels of the worked example") {
  const std::vector<double> distances = {0, 4, 10};
  const std::vector<int32_t> labels = {0};
  check_row(rsls_labels(distances, labels, 3, 1e-3, 2, RslsForm::coefficient),
            {.333352778, .333336111, .333311111}, 1e-9);
  check_row(rsls_labels(distances, labels, 3, 1, 2, RslsForm::coefficient), {.352892, .335681, .311426},
            1e-6);
  // own ½, others ∝ 1/4 and 1/10
  check_row(rsls_labels(distances, labels, 3, 1, 2, RslsForm::normalised), {.5, .5 * 10 / 14, .5 * 4 / 14},
            1e-12);
}

TEST_CASE("rsls: two classes say nothing, more name the own class") {
  check_row(rsls_labels({0, 3.5, 9, 0}, std::vector<int32_t>{0, 1}, 2, 1, 2, RslsForm::coefficient),
            {.5, .5, .5, .5}, 1e-15);
  for (const int64_t classes : {3, 10, 60}) {
    std::vector<double> distances(static_cast<size_t>(classes));
    for (size_t n = 0; n < distances.size(); ++n)
      distances[n] = 0.5 + uniform_from(random_words(1, RandomStream::test, 0, n)[0]);
    const auto own = static_cast<int32_t>(classes / 2);
    const auto q = rsls_labels(distances, std::vector<int32_t>{own}, classes, 1e-3, 2, RslsForm::coefficient);
    CHECK(std::max_element(q.begin(), q.end()) - q.begin() == own);
    CHECK(std::accumulate(q.begin(), q.end(), 0.0) == doctest::Approx(1));
    CHECK(distance_from_uniform(q, classes) > 0);
    CHECK(distance_from_uniform(q, classes) < 0.1);
  }
}

TEST_CASE("rsls: duplicates of another class give finite labels") {
  for (const RslsForm form : {RslsForm::coefficient, RslsForm::normalised}) {
    const auto q = rsls_labels({0, 0, 1}, std::vector<int32_t>{0}, 3, 1, 2, form);
    for (const double value : q) CHECK(std::isfinite(value));
  }
}

TEST_CASE("rsls: options per student, and wrong ones refused") {
  const Method& rsls = find_method("rsls");
  CHECK(resolve_options(rsls, "inception-time", {}).number("alpha") == 1);
  CHECK(resolve_options(rsls, "inception-time-2", {}).number("alpha") == 0.5);
  CHECK(resolve_options(rsls, "inception-time-3", {}).number("alpha") == 0.1);
  CHECK(resolve_options(rsls, "resnet18", {}).number("tau") == 4);
  CHECK(resolve_options(rsls, "resnet18", {{"tau", "10"}}).number("tau") == 10);
  CHECK(rsls.uses_encoder(resolve_options(rsls, "inception-time", {})));
  CHECK(!rsls.uses_encoder(resolve_options(rsls, "inception-time", {{"source", "raw"}})));
  const auto refusal = [&](const std::string& name, const std::string& value) {
    return test::message_of([&] { resolve_options(rsls, "inception-time", {{name, value}}); });
  };
  CHECK(test::contains(refusal("alpha", "1.5"), "[0, 1]"));
  CHECK(test::contains(refusal("tau", "0"), "(0, 1000]"));
  CHECK(test::contains(refusal("tau", "nan"), "must lie"));
  CHECK(test::contains(refusal("tau", "two"), "number"));
  CHECK(test::contains(refusal("tau2", "yes"), "on, off"));
  CHECK(test::contains(refusal("epsilon", "0.1"), "no option"));
}

TEST_CASE("rsls: the row follows tau2 and form") {
  Context context;
  const std::vector<int32_t> labels = {0, 0, 1, 2};
  const std::vector<float> points = {0, 0, 0, 1, 3, 4, 6, 8};
  const MethodInputs in{.context = context, .labels = labels, .classes = 3, .representations = [&] {
                          return Tensor::from(context, {4, 2}, points);
                        }};
  const Method& rsls = find_method("rsls");
  const auto row = [&](std::map<std::string, std::string> given) {
    return rsls.build(in, resolve_options(rsls, "inception-time-2", given));
  };
  const Recipe usual = row({});
  CHECK(usual.weights.ce == 1);
  CHECK(usual.weights.kl == 0.5 * 4);
  CHECK(usual.weights.tau == 2);
  CHECK(usual.q2.per_sample);
  CHECK(usual.q2.table.shape() == (Shape{4, 3}));
  CHECK(row({{"tau2", "off"}}).weights.kl == 0.5);
  CHECK(row({{"form", "convex"}}).weights.ce == 0.5);
  CHECK(usual.report.at("max_distance_from_uniform") > 0);
  // Sample 2 at (3, 4), classes at (0,0), (0,1) and (6, 8): mean distances 5 and (√18 + 5) / 2 …
  CHECK(usual.report.at("mean_class_distance") ==
        doctest::Approx(((5 + 10) + (std::sqrt(18.) + std::sqrt(85.)) + ((5 + std::sqrt(18.)) / 2 + 5) +
                         ((10 + std::sqrt(85.)) / 2 + 5)) /
                        8));
}
