// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/train/class_separation.h"
#include "mellow/tests/support/devices.h"
#include "mellow/tests/support/goldens.h"

using namespace mellow;
using namespace mellow::test;

namespace {

template <class T>
void check_clouds(Context& context, double tolerance) {
  const Goldens golden("metrics");
  const auto n = golden.values<int64_t>("cloud.n"), dims = golden.values<int64_t>("cloud.dims");
  const auto x = golden.values("cloud.x");
  const auto labels = golden.values<uint8_t>("cloud.labels");
  const auto intra = golden.values<double>("cloud.intra"), inter = golden.values<double>("cloud.inter"),
             ratio = golden.values<double>("cloud.ratio"),
             silhouette = golden.values<double>("cloud.silhouette");
  auto value = x.begin();
  auto label = labels.begin();
  for (size_t i = 0; i < n.size(); ++i) {
    CAPTURE(i);
    const std::vector<T> values(value, value + n[i] * dims[i]);
    const std::vector<int32_t> own(label, label + n[i]);
    value += n[i] * dims[i];
    label += n[i];
    const ClassSeparation s = class_separation(Tensor::from(context, {n[i], dims[i]}, values), own);
    CHECK(std::abs(s.intra - intra[i]) <= tolerance * (1 + intra[i]));
    CHECK(std::abs(s.inter - inter[i]) <= tolerance * inter[i]);
    CHECK(std::abs(s.ratio - ratio[i]) <= tolerance * (1 + ratio[i]));
    CHECK(std::abs(s.silhouette - silhouette[i]) <= tolerance);
  }
  CHECK(value == x.end());
}

}  // namespace

TEST_CASE("class separation equals scikit-learn: to 1e-9 in float64, to 2e-5 in float32") {
  Context cpu(strict(Device::cpu));
  check_clouds<double>(cpu, 1e-9);
  for (Device device : devices()) {
    Context context(strict(device));
    check_clouds<float>(context, 2e-5);
  }
}

TEST_CASE("class separation: classes of points, one of them a single point") {
  Context context(strict(Device::cpu));
  // On a line: class 3 at 0 and 1, class 8 at 5. Labels need not start at 0 nor be dense.
  const Tensor x = Tensor::from(context, {3, 1}, std::vector<double>{0, 1, 5});
  const ClassSeparation s = class_separation(x, std::vector<int32_t>{3, 3, 8});
  CHECK(s.intra == doctest::Approx(1).epsilon(1e-12));
  CHECK(s.inter == doctest::Approx(4.5).epsilon(1e-12));
  CHECK(s.silhouette == doctest::Approx((4.0 / 5 + 3.0 / 4 + 0) / 3).epsilon(1e-12));
}

TEST_CASE("class separation: twins of all classes count 0, what is undefined is refused") {
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::from(context, {4, 2}, std::vector<float>(8, 3.f));
  const std::vector<int32_t> two = {0, 1, 0, 1}, one = {1, 1, 1, 1}, alone = {0, 1, 2, 3}, few = {0, 1, 0};
  const ClassSeparation s = class_separation(x, two);
  CHECK(s.silhouette == 0);
  CHECK(s.inter == 0);
  CHECK_THROWS_AS(class_separation(x, one), Error);
  CHECK_THROWS_AS(class_separation(x, alone), Error);
  CHECK_THROWS_AS(class_separation(x, few), Error);
}
