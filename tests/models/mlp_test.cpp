// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/models/mlp.h"
#include "mellow/tests/support/check_model.h"

using namespace mellow;
using namespace mellow::test;

TEST_CASE("mlp: the ILS study's network has 17 027 parameters") {
  Context context;
  CHECK(Mlp({&context}, {.channels = 2, .classes = 3, .length = 1}).parameter_count() == 17027);
  CHECK(Mlp({&context}, {.channels = 1, .classes = 3, .length = 2}).parameter_count() == 17027);
  CHECK(Mlp({&context}, {.channels = 3, .classes = 5, .length = 24}).parameter_count() ==
        17027 + 64 * 70 + 65 * 2);
}

TEST_CASE("mlp: outputs, gradients and three steps agree with PyTorch") {
  for (const Device device : devices()) {
    CAPTURE(name_of(device));
    Context context(strict(device));
    Mlp net({&context}, {.channels = 3, .classes = 4, .length = 9, .units = 5, .layers = 3});
    check_small_golden(net, "lstm_fcn", "mlp.");
  }
}

TEST_CASE("mlp: gradient of the whole network against finite differences in float64") {
  Context context(strict(Device::cpu));
  Mlp net({&context, DType::f64}, {.channels = 2, .classes = 3, .length = 7, .units = 6});
  check_classifier_gradients(net, 7, 2, 3);
}

TEST_CASE("mlp names what does not fit") {
  Context context(strict(Device::cpu));
  CHECK_THROWS_WITH_AS(Mlp({&context}, {}),
                       "[mlp] is made for series of one length: give ModelConfig::length, got 0", Error);
  Mlp net({&context}, {.channels = 2, .length = 9});
  CHECK_THROWS_AS(net.logits(Tensor::zeros(context, {3, 9, 1})), Error);
  CHECK_THROWS_AS(net.logits(Tensor::zeros(context, {3, 18})), Error);
}
