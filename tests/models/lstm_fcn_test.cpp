// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/models/lstm_fcn.h"
#include "mellow/tests/support/check_model.h"

using namespace mellow;
using namespace mellow::test;

TEST_CASE("lstm-fcn: parameter counts, Keras's form and PyTorch's") {
  Context context;
  const auto count = [&](const LstmFcnConfig& config) {
    return LstmFcn({&context}, config).parameter_count();
  };
  struct Row {
    int64_t length, cells, keras;
  };
  for (const Row& row : {Row{24, 8, 266034}, Row{24, 64, 287874}, Row{24, 128, 343554}, Row{150, 8, 270066},
                         Row{150, 64, 320130}, Row{150, 128, 408066}, Row{500, 8, 281266},
                         Row{500, 64, 409730}, Row{500, 128, 587266}}) {
    const int64_t n = row.cells, layer = 4 * (n * row.length + n * n + n);
    CHECK(row.keras == 264704 + layer + (n + 128) * 2 + 2);
    // PyTorch's layer has a second bias.
    CHECK(count({.length = row.length, .cells = n}) == row.keras + 4 * n);
  }
  CHECK(count({.channels = 3, .classes = 5, .length = 20, .cells = 100}) ==
        264704 + 2 * 1024 + 4 * (100 * 60 + 100 * 100 + 200) + 228 * 5 + 5);
  CHECK(count({.channels = 3, .classes = 5, .cells = 100, .input = LstmInput::sequence}) ==
        264704 + 2 * 1024 + 4 * (100 * 3 + 100 * 100 + 200) + 228 * 5 + 5);
  const auto names = LstmFcn({&context}, {.length = 5}).parameters();
  for (const char* name : {"lstm.weight_ih_l0", "lstm.weight_hh_l0", "lstm.bias_ih_l0", "lstm.bias_hh_l0",
                           "convs.0.weight", "norms.2.bias", "head.weight"})
    CHECK_MESSAGE(std::any_of(names.begin(), names.end(), [&](const auto& p) { return p.name == name; }),
                  name);
}

TEST_CASE("lstm-fcn: outputs, gradients and three steps agree with PyTorch") {
  for (const Device device : devices())
    for (const LstmInput input : {LstmInput::shuffle, LstmInput::sequence}) {
      const bool shuffle = input == LstmInput::shuffle;
      CAPTURE(name_of(device));
      CAPTURE(shuffle);
      Context context(strict(device));
      LstmFcn net({&context, DType::f32, shuffle ? Framework::keras : Framework::torch},
                  {.channels = 3,
                   .classes = 4,
                   .length = shuffle ? 23 : 17,
                   .cells = 8,
                   .input = input,
                   .filters = 4,
                   .dropout = 0});
      check_small_golden(net, "lstm_fcn", shuffle ? "shuffle." : "sequence.");
    }
}

TEST_CASE("lstm-fcn: gradient of the whole network against finite differences in float64") {
  for (const LstmInput input : {LstmInput::shuffle, LstmInput::sequence}) {
    Context context(strict(Device::cpu));
    LstmFcn net({&context, DType::f64},
                {.channels = 2, .classes = 3, .length = 11, .cells = 12, .input = input, .filters = 2});
    check_classifier_gradients(net, 11, 2, 3);
  }
}

TEST_CASE("lstm-fcn: in training, dropout 0.8 on the LSTM's features alone") {
  for (const Device device : devices()) {
    Context context(strict(device));
    LstmFcn net({&context}, {.classes = 3, .length = 15});
    initialize(net, 2);
    const Tensor x = tensor_of<float>(context, {6, 15, 1}, random_values(90, 4));
    const auto whole = net.features(x).to_vector<float>();
    net.set_training(true);
    draw_for_step(context);
    const auto dropped = net.features(x).to_vector<float>();
    int kept = 0;
    for (size_t i = 0; i < whole.size(); ++i) {
      if (i % 256 < 128 && dropped[i] != 0) {
        CHECK(dropped[i] == doctest::Approx(5 * whole[i]).epsilon(1e-5));
        ++kept;
      }
    }
    CHECK(kept == doctest::Approx(0.2 * 768).epsilon(0.29));  // four standard deviations
    int alive = 0;
    for (size_t i = 0; i < dropped.size(); ++i) alive += i % 256 >= 128 && dropped[i] != 0;
    CHECK(alive > 700);
  }
}

TEST_CASE("lstm-fcn starts as its framework does") {
  Context context;
  for (const Framework framework : {Framework::torch, Framework::keras}) {
    const bool keras = framework == Framework::keras;
    LstmFcn net({&context, DType::f32, framework},
                {.channels = 1, .classes = 2, .cells = 64, .input = LstmInput::sequence});
    initialize(net, 3);
    const auto largest = [](const std::vector<float>& values) {
      float most = 0;
      for (const float v : values) most = std::max(most, std::abs(v));
      return most;
    };
    for (const auto& p : net.parameters()) {
      const auto v = p.tensor.to_vector<float>();
      if (p.name == "convs.1.weight")  // 5 taps of 128 channels
        CHECK(largest(v) == doctest::Approx(std::sqrt((keras ? 6 : 1) / 640.0)).epsilon(0.01));
      if (p.name == "lstm.weight_ih_l0")
        CHECK(largest(v) == doctest::Approx(keras ? std::sqrt(6.0 / (1 + 256)) : 1 / 8.0).epsilon(0.03));
      if (p.name == "lstm.bias_ih_l0" && keras)
        for (size_t i = 0; i < v.size(); ++i) CHECK(v[i] == (i / 64 == 1 ? 1 : 0));
      if (p.name == "lstm.bias_hh_l0") CHECK((largest(v) == 0) == keras);
      if (p.name != "lstm.weight_hh_l0") continue;
      CHECK((largest(v) <= 1 / 8.0f) == !keras);
      for (size_t a = 0; a < 64 && keras; a += 9)  // orthonormal columns
        for (size_t b = 0; b < 64; ++b) {
          double dot = 0;
          for (size_t row = 0; row < 256; ++row)
            dot += static_cast<double>(v[row * 64 + a]) * static_cast<double>(v[row * 64 + b]);
          CHECK(std::abs(dot - (a == b ? 1 : 0)) < 1e-5);
        }
    }
  }
}

TEST_CASE("lstm-fcn names what does not fit") {
  Context context(strict(Device::cpu));
  CHECK_THROWS_WITH_AS(LstmFcn({&context}, {.channels = 1}),
                       "[lstm-fcn] is made for series of one length: give ModelConfig::length, got 0", Error);
  CHECK_THROWS_AS(LstmFcn({&context}, {.channels = 1 << 16, .length = 1 << 24}), Error);
  LstmFcn shuffle({&context}, {.channels = 2, .length = 9, .filters = 2});
  CHECK_THROWS_WITH_AS(shuffle.logits(Tensor::zeros(context, {3, 8, 2})),
                       "[lstm-fcn] was made for series of 9 steps and 2 channels, got x [3, 8, 2]", Error);
  LstmFcn sequence({&context}, {.channels = 2, .input = LstmInput::sequence, .filters = 2});
  CHECK_THROWS_AS(sequence.logits(Tensor::zeros(context, {3, 8, 1})), Error);
  CHECK(sequence.logits(Tensor::zeros(context, {3, 8, 2})).shape() == Shape{3, 2});
}
