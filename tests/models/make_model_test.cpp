// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/nn/state.h"
#include "mellow/engine/optim/adam.h"
#include "mellow/engine/train/evaluate.h"
#include "mellow/engine/train/trainer.h"
#include "mellow/models/make_model.h"
#include "mellow/tests/support/check_model.h"
#include "mellow/tests/support/check_op.h"

using namespace mellow;
using namespace mellow::test;

TEST_CASE("every model trains on several channels, short series and a last batch that is smaller") {
  constexpr int64_t samples = 7, channels = 3, classes = 4;
  for (const Device device : devices())
    for (const ModelEntry& entry : model_entries())
      for (const int64_t length : {15, 24, 61}) {
        CAPTURE(name_of(device));
        CAPTURE(entry.name);
        CAPTURE(length);
        Context context(strict(device));
        const auto values = random_values(samples * length * channels, 6);
        const std::vector<float> narrow(values.begin(), values.end());
        const std::vector<int32_t> labels = {0, 1, 2, 3, 1, 2, 0};
        const LabelledSet set =
            make_labelled_set(context, {samples, length, channels}, narrow, labels, classes);
        const auto net =
            make_model(entry.name, {&context}, {.channels = channels, .classes = classes, .length = length});
        initialize(*net, 1);
        const auto start = predict(*net, set.x);
        FlatParameters flat(*net);
        Adam adam(flat);
        const auto schedule = make_schedule({});
        Trainer trainer({*net, flat, adam, *schedule}, set, {}, {}, {.batch_size = 4});
        CHECK(std::isfinite(trainer.run_epoch()->loss));
        const auto p = predict(*net, set.x);
        REQUIRE(p.size() == samples * classes);
        CHECK(p != start);
        for (size_t i = 0; i < p.size(); i += classes)
          CHECK(p[i] + p[i + 1] + p[i + 2] + p[i + 3] == doctest::Approx(1).epsilon(1e-5));
      }
}

TEST_CASE("what models drop in forward and compute again leaves no trace in their gradients, to the bit") {
  const Shape shape = {5, 33, 2};
  const auto values = random_values(shape.count(), 6);
  for (const Device device : devices())
    for (const ModelEntry& entry : model_entries()) {
      CAPTURE(entry.name);
      Context context(strict(device));
      const auto net = make_model(entry.name, {&context}, {.channels = 2, .classes = 3, .length = 33});
      initialize(*net, 5);
      net->set_training(true);
      draw_for_step(context);
      const Tensor x = tensor_of<float>(context, shape, values);
      const Tensor labels = Tensor::from(context, {5}, std::vector<int32_t>{0, 1, 2, 0, 1});
      std::vector<NamedArrays> gradients;
      std::vector<size_t> held;  // between forward and backward
      for (const auto recompute : {Tape::Recompute::never, Tape::Recompute::as_asked}) {
        for (const auto& p : net->parameters()) p.tensor.set_grad({});
        Tape tape(context, recompute);
        const Tensor loss = soft_label_loss(net->logits(x), {.labels = labels}, {});
        held.push_back(context.memory().in_use);
        tape.backward(loss);
        gradients.push_back(gradients_of(*net));
      }
      CHECK(gradients[0] == gradients[1]);
      if (entry.name != "mlp" && entry.name != "inception-time-1") CHECK(held[1] < held[0]);
    }
}

TEST_CASE("every value of every option makes a network of its own") {
  Context context(strict(Device::cpu));
  for (const ModelEntry& entry : model_entries())
    for (const ModelOption& option : entry.options) {
      CHECK(std::count(option.choices.begin(), option.choices.end(), option.value) == 1);
      std::vector<int64_t> counts;
      for (const std::string& choice : option.choices) {
        CAPTURE(choice);
        const auto net = make_model(entry.name, {&context},
                                    {.channels = 2, .length = 15, .options = {{option.name, choice}}});
        counts.push_back(net->parameter_count());
        CHECK(std::count(counts.begin(), counts.end(), counts.back()) == 1);
        const Tensor x = tensor_of<float>(context, {3, 15, 2}, random_values(90, 1));
        CHECK(net->logits(x).shape() == Shape{3, 2});
      }
    }
}

TEST_CASE("options that a model lacks, unknown values and unknown models are errors that say what there is") {
  Context context(strict(Device::cpu));
  const auto make = [&](const std::string& name, const ModelOptions& options) {
    return make_model(name, {&context}, {.length = 15, .options = options});
  };
  CHECK_THROWS_WITH_AS(make("fcn", {{"cells", "8"}}),
                       "model fcn has no option --cells; models that have it: lstm-fcn", Error);
  CHECK_THROWS_WITH_AS(make("fcn", {{"sells", "8"}}),
                       "model fcn has no option --sells; models that have it: none", Error);
  CHECK_THROWS_WITH_AS(make("lstm-fcn", {{"cells", "9"}}),
                       "--cells of lstm-fcn must be one of 8, 64, 100, 128; got 9", Error);
  CHECK_THROWS_AS(make("lstm", {}), Error);
  CHECK(resolve_options(find_model("lstm-fcn"), {{"lstm", "sequence"}}) ==
        ModelOptions{{"cells", "128"}, {"lstm", "sequence"}});
}

TEST_CASE("a model without a context is refused") {
  for (const ModelEntry& entry : model_entries())
    CHECK_THROWS_AS(make_model(entry.name, {.context = nullptr}, {.length = 15}), Error);
}
