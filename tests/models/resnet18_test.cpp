// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/models/resnet18.h"
#include "mellow/tests/support/check_model.h"

using namespace mellow;
using namespace mellow::test;

TEST_CASE("resnet18: parameter counts and names of torchvision's layout") {
  Context context;
  const auto count = [&](int64_t channels, int64_t classes) {
    return ResNet18({&context}, {.channels = channels, .classes = classes}).parameter_count();
  };
  CHECK(count(1, 2) == 3844930);
  CHECK(count(1, 60) == 3843904 + 513 * 60);
  CHECK(count(3, 2) == 3844930 + 2 * 448);
  const auto names = ResNet18({&context}, {}).parameters();
  const auto has = [&](const std::string& name) {
    return std::any_of(names.begin(), names.end(), [&](const auto& p) { return p.name == name; });
  };
  for (const char* name : {"conv1.weight", "bn1.bias", "layer1.0.conv1.weight", "layer1.1.bn2.weight",
                           "layer2.0.downsample.0.weight", "layer4.0.downsample.1.bias", "fc.weight"})
    CHECK_MESSAGE(has(name), name);
  CHECK(!has("layer1.0.downsample.0.weight"));
  CHECK(!has("layer2.1.downsample.0.weight"));
}

TEST_CASE("resnet18: the full-size network agrees with PyTorch") {
  for (const Device device : devices()) {
    CAPTURE(name_of(device));
    Context context(strict(device));
    ResNet18 net({&context}, {.channels = 1, .classes = 4});
    check_resnets_golden(net, "resnet18", 1e-6);
  }
}

TEST_CASE("resnet18: gradient of the whole network against finite differences in float64") {
  Context context(strict(Device::cpu));
  ResNet18 net({&context, DType::f64}, {.channels = 2, .classes = 3, .filters = 2});
  check_classifier_gradients(net, 70, 2, 3);
}

TEST_CASE("resnet18: series from 15 steps on") {
  Context context(strict(Device::cpu));
  ResNet18 net({&context}, {.classes = 3, .filters = 2});
  initialize(net, 1);
  for (const int64_t length : {15, 24, 33}) {
    const Tensor x = tensor_of<float>(context, {2, length, 1}, random_values(2 * length, 4));
    CHECK(net.logits(x).shape() == Shape{2, 3});
    for (const float y : net.logits(x).to_vector<float>()) CHECK(std::isfinite(y));
  }
}

TEST_CASE("resnet18: convolutions start normal with He's deviation, in Keras's framework Glorot uniform") {
  Context context;
  for (const Framework framework : {Framework::torch, Framework::keras}) {
    ResNet18 net({&context, DType::f32, framework}, {});
    initialize(net, 6);
    for (const auto& p : net.parameters()) {
      if (p.name != "layer4.1.conv1.weight") continue;  // 512 x 3 x 512: fan in and out 1536
      double sum = 0, squares = 0, beyond_two = 0, largest = 0;
      const auto values = p.tensor.to_vector<float>();
      const double n = static_cast<double>(values.size()), deviation = std::sqrt(2 / 1536.0);
      for (const double v : values) {
        sum += v;
        squares += v * v;
        beyond_two += std::abs(v) > 2 * deviation;
        largest = std::max(largest, std::abs(v));
      }
      // Both have this variance; four standard errors.
      CHECK(std::abs(sum / n) < 4 * deviation / std::sqrt(n));
      CHECK(squares / n == doctest::Approx(deviation * deviation).epsilon(4 * std::sqrt(2 / n)));
      if (framework == Framework::torch) {
        CHECK(beyond_two / n == doctest::Approx(0.0455).epsilon(0.02));  // 2 (1 - Phi(2))
      } else {
        CHECK(largest <= std::sqrt(3.0) * deviation * (1 + 1e-6));
      }
    }
  }
}
