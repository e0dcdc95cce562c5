// SPDX-License-Identifier: MIT
// Single ops against PyTorch's forward and backward (tests/goldens/ops.safetensors).
#include <functional>

#include <doctest/doctest.h>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/ops/batch_norm.h"
#include "mellow/engine/ops/conv1d.h"
#include "mellow/engine/ops/matmul.h"
#include "mellow/engine/ops/pointwise.h"
#include "mellow/engine/ops/pool1d.h"
#include "mellow/engine/ops/reduce.h"
#include "mellow/engine/ops/soft_label_loss.h"
#include "mellow/engine/ops/softmax.h"
#include "mellow/tests/support/devices.h"
#include "mellow/tests/support/goldens.h"

using namespace mellow;
using namespace mellow::test;

namespace {

constexpr double tolerance = 1e-4;

// Arrays of rank 3 named x, y, w, dx … of convolutions and pools are stored channels-second.
std::vector<float> channels_last(const Shape& s, const std::vector<float>& stored) {
  std::vector<float> turned(stored.size());
  for (int64_t a = 0; a < s[0]; ++a)
    for (int64_t b = 0; b < s[1]; ++b)
      for (int64_t c = 0; c < s[2]; ++c)
        turned[static_cast<size_t>((a * s[2] + c) * s[1] + b)] =
            stored[static_cast<size_t>((a * s[1] + b) * s[2] + c)];
  return turned;
}

struct OpCase {
  std::string name;
  std::vector<std::string> inputs;
  std::function<Tensor(const std::vector<Tensor>&)> op;
  bool turn = false;  // rank-3 arrays are stored channels-second
};

class OpGoldens : public Goldens {
 public:
  OpGoldens() : Goldens("ops") {}
  Tensor tensor(Context& context, const std::string& name, bool turn) const {
    Shape s = shape(name);
    auto stored = values(name);
    if (turn && s.rank() == 3) {
      stored = channels_last(s, stored);
      std::swap(s[1], s[2]);
    }
    return Tensor::from(context, s.rank() == 0 ? Shape{1} : s, stored);
  }
  void check(Context& context, const OpCase& c) const {
    CAPTURE(c.name);
    std::vector<Tensor> leaves;
    for (const auto& input : c.inputs)
      leaves.push_back(tensor(context, c.name + "." + input, c.turn).set_requires_grad());
    Tape tape(context);
    const Tensor y = c.op(leaves);
    check_golden(y.to_vector<float>(), tensor(context, c.name + ".y", c.turn).to_vector<float>(), tolerance,
                 "y");
    tape.backward(y, tensor(context, c.name + ".dy", c.turn));
    for (size_t i = 0; i < leaves.size(); ++i)
      check_golden(leaves[i].grad().to_vector<float>(),
                   tensor(context, c.name + ".d" + c.inputs[i], c.turn).to_vector<float>(), tolerance,
                   "gradient of " + c.inputs[i]);
  }
};

std::vector<OpCase> convolutions(const OpGoldens& golden) {
  std::vector<OpCase> cases;
  for (int i = 0; i < 10; ++i) {
    const std::string name = text("conv1d.", i);
    const auto o = golden.values<int64_t>(name + ".options");
    const bool bias = i == 1 || i == 3 || i == 4 || i == 5 || i == 7 || i == 8;
    cases.push_back(
        {name, bias ? std::vector<std::string>{"x", "w", "b"} : std::vector<std::string>{"x", "w"},
         [o](const auto& in) {
           return conv1d(
               in[0], in[1], in.size() == 3 ? in[2] : Tensor(),
               {.stride = o[0], .dilation = o[1], .groups = o[2], .pad_left = o[3], .pad_right = o[4]});
         },
         true});
  }
  return cases;
}

std::vector<OpCase> pools(const OpGoldens& golden) {
  std::vector<OpCase> cases;
  for (const auto& [kind, count] : {std::pair{"max_pool1d.", 4}, {"avg_pool1d.", 3}})
    for (int i = 0; i < count; ++i) {
      const std::string name = text(kind, i);
      const auto o = golden.values<int64_t>(name + ".options");
      const bool max = name.starts_with("max");
      cases.push_back({name,
                       {"x"},
                       [o, max](const auto& in) {
                         const Pool1dOptions options{
                             .width = o[0], .stride = o[1], .pad_left = o[2], .pad_right = o[2]};
                         return max ? max_pool1d(in[0], options) : avg_pool1d(in[0], options);
                       },
                       true});
    }
  cases.push_back({"global_avg", {"x"}, [](const auto& in) { return mean_over_time(in[0]); }, true});
  cases.push_back({"global_max", {"x"}, [](const auto& in) { return max_over_time(in[0]); }, true});
  return cases;
}

std::vector<OpCase> products_and_pointwise() {
  return {{"gelu", {"x"}, [](const auto& in) { return gelu(in[0]); }},
          {"linear", {"x", "w", "b"}, [](const auto& in) { return linear(in[0], in[1], in[2]); }},
          {"matmul", {"a", "b"}, [](const auto& in) { return matmul(in[0], in[1]); }},
          {"bmm", {"a", "b"}, [](const auto& in) { return matmul(in[0], in[1]); }},
          {"softmax", {"x"}, [](const auto& in) { return softmax(in[0]); }},
          {"log_softmax", {"x"}, [](const auto& in) { return log_softmax(in[0]); }}};
}

}  // namespace

TEST_CASE("ops agree with PyTorch, forward and backward") {
  const OpGoldens golden;
  for (const Device device : devices()) {
    CAPTURE(name_of(device));
    Context context(strict(device));
    for (const OpCase& c : convolutions(golden)) golden.check(context, c);
    for (const OpCase& c : pools(golden)) golden.check(context, c);
    for (const OpCase& c : products_and_pointwise()) golden.check(context, c);
  }
}

TEST_CASE("batch norm agrees with PyTorch in both presets and modes") {
  const OpGoldens golden;
  for (const Device device : devices()) {
    Context context(strict(device));
    for (const char* preset : {"torch", "keras"})
      for (const char* mode : {"train", "eval"}) {
        const std::string name = text("batch_norm.", preset, "_", mode);
        const bool keras = preset == std::string("keras");
        const Tensor mean = golden.tensor(context, name + ".running_mean", false);
        const Tensor var = golden.tensor(context, name + ".running_var", false);
        // The golden counts the running variance PyTorch's way in both presets.
        golden.check(context, {name,
                               {"x", "weight", "bias"},
                               [&](const auto& in) {
                                 return batch_norm(in[0], in[1], in[2], mean, var,
                                                   {.eps = keras ? 1e-3 : 1e-5,
                                                    .momentum = keras ? 0.01 : 0.1,
                                                    .training = mode == std::string("train")});
                               },
                               true});
        check_golden(mean.to_vector<float>(), golden.values(name + ".running_mean_after"), 1e-5,
                     "running mean");
        check_golden(var.to_vector<float>(), golden.values(name + ".running_var_after"), 1e-5,
                     "running variance");
      }
  }
}

TEST_CASE("the fused loss agrees with PyTorch's cross entropy") {
  const OpGoldens golden;
  for (const Device device : devices()) {
    Context context(strict(device));
    const auto labels = golden.labels("cross_entropy.labels");
    const Tensor on_device = Tensor::from(context, {5}, labels);
    golden.check(context, {"cross_entropy", {"x"}, [&](const auto& in) {
                             return soft_label_loss(in[0], {.labels = on_device}, {});
                           }});
    const Tensor target = golden.tensor(context, "soft_cross_entropy.target", false);
    golden.check(context, {"soft_cross_entropy", {"x"}, [&](const auto& in) {
                             return soft_label_loss(in[0], {.labels = on_device, .q1 = {target, true}}, {});
                           }});
  }
}

TEST_CASE("the fused loss agrees with float64 autograd for every row of the method table") {
  const Goldens golden("losses");
  Context context(strict(Device::cpu));
  int rows = 0;
  for (const auto& [name, array] : golden.state("").arrays) {
    if (!name.ends_with(".weights")) continue;
    const std::string base = name.substr(0, name.size() - 7), group = name.substr(0, name.find('.') + 1);
    CAPTURE(base);
    const auto w = golden.values<double>(name);
    const Shape shape = golden.shape(group + "logits");
    const auto logits = golden.values<double>(group + "logits");
    const auto labels = golden.labels(group + "labels");
    const auto value = golden.values<double>(base + "value"),
               gradient = golden.values<double>(base + "gradient");
    const int64_t classes = shape[-1];
    for (size_t i = 0; i < labels.size(); ++i) {
      const auto row_of = [&](const char* which) -> SoftLabels {
        if (golden.state(base + which).arrays.empty()) return {};
        const auto all = golden.values<double>(base + which);
        const auto at = all.begin() + static_cast<int64_t>(i) * classes;
        return {Tensor::from(context, {1, classes}, std::vector<double>(at, at + classes)), true};
      };
      const auto at = logits.begin() + static_cast<int64_t>(i) * classes;
      Tensor z =
          Tensor::from(context, {1, classes}, std::vector<double>(at, at + classes)).set_requires_grad();
      const Tensor label = Tensor::from(context, {1}, std::vector<int32_t>{labels[i]});
      Tape tape(context);
      const Tensor loss =
          soft_label_loss(z, {.labels = label, .q1 = row_of("q1"), .q2 = row_of("q2")},
                          {.ce = w[0], .kl = w[1], .tau = w[2], .entropy = w[3], .relaxation = w[4]});
      CHECK(std::abs(loss.item<double>() - value[i]) <= 1e-9 * std::max(1.0, std::abs(value[i])));
      tape.backward(loss);
      const auto got = z.grad().to_vector<double>();
      for (size_t k = 0; k < got.size(); ++k)
        CHECK(std::abs(got[k] - gradient[i * static_cast<size_t>(classes) + k]) <=
              1e-8);  // rows sum to 1 within 3e-9
    }
    ++rows;
  }
  CHECK(rows >= 86);
}
