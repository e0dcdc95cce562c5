// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/models/fcn.h"
#include "mellow/tests/support/check_model.h"

using namespace mellow;
using namespace mellow::test;

TEST_CASE("fcn: parameter counts and names of Wang et al.'s network") {
  Context context;
  const auto count = [&](int64_t channels, int64_t classes) {
    return Fcn({&context}, {.channels = channels, .classes = classes}).parameter_count();
  };
  CHECK(count(1, 2) == 264704 + 129 * 2);
  CHECK(count(1, 60) == 264704 + 129 * 60);
  const auto names = Fcn({&context}, {}).parameters();
  const auto has = [&](const std::string& name) {
    return std::any_of(names.begin(), names.end(), [&](const auto& p) { return p.name == name; });
  };
  for (const char* name : {"convs.0.weight", "convs.2.bias", "norms.1.weight", "head.bias"})
    CHECK_MESSAGE(has(name), name);
}

TEST_CASE("fcn: the full-size network agrees with PyTorch") {
  for (const Device device : devices()) {
    CAPTURE(name_of(device));
    Context context(strict(device));
    Fcn net({&context, DType::f32, Framework::keras}, {.channels = 1, .classes = 4});
    check_resnets_golden(net, "fcn");
  }
}

TEST_CASE("fcn: gradient of the whole network against finite differences in float64") {
  Context context(strict(Device::cpu));
  Fcn net({&context, DType::f64}, {.channels = 1, .classes = 3, .filters = 2});
  check_classifier_gradients(net, 11, 1, 3);
}
