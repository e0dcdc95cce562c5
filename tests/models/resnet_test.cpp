// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/models/resnet.h"
#include "mellow/tests/support/check_model.h"

using namespace mellow;
using namespace mellow::test;

TEST_CASE("resnet: parameter counts and names of dl-4-tsc's network") {
  Context context;
  const auto count = [&](int64_t channels, int64_t classes) {
    return ResNet({&context}, {.channels = channels, .classes = classes}).parameter_count();
  };
  CHECK(count(1, 2) == 504258);
  CHECK(count(1, 60) == 504000 + 129 * 60);
  const auto names = ResNet({&context}, {}).parameters();
  const auto has = [&](const std::string& name) {
    return std::any_of(names.begin(), names.end(), [&](const auto& p) { return p.name == name; });
  };
  for (const char* name : {"blocks.0.convs.0.weight", "blocks.2.convs.2.bias", "blocks.1.norms.1.weight",
                           "blocks.1.shortcut.conv.bias", "blocks.2.shortcut.norm.weight", "head.weight"})
    CHECK_MESSAGE(has(name), name);
  CHECK(!has("blocks.2.shortcut.conv.weight"));
}

TEST_CASE("resnet: the full-size network agrees with PyTorch") {
  for (const Device device : devices()) {
    CAPTURE(name_of(device));
    Context context(strict(device));
    ResNet net({&context}, {.channels = 2, .classes = 4});
    check_resnets_golden(net, "resnet", 1e-4);
  }
}

TEST_CASE("resnet: gradient of the whole network against finite differences in float64") {
  Context context(strict(Device::cpu));
  ResNet net({&context, DType::f64}, {.channels = 2, .classes = 3, .filters = 2});
  check_classifier_gradients(net, 11, 2, 3);
}
