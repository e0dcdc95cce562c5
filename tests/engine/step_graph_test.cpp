// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/step_graph.h"
#include "mellow/engine/core/tensor.h"
#include "mellow/engine/ops/matmul.h"
#include "mellow/engine/ops/pointwise.h"
#include "mellow/tests/support/devices.h"

using namespace mellow;

namespace {

constexpr int64_t count = 1000;

Tensor filled(Context& context, float value) {
  return Tensor::from(context, {count}, std::vector<float>(count, value));
}

// x := 2 x through an intermediate array.
void double_in_place(const Tensor& x) { x.copy_from(scale(x, 2)); }

}  // namespace

TEST_CASE("a repeated step does what plain calls do, and on CUDA is called for the first two runs alone") {
  for (Device device : test::devices()) {
    CAPTURE(name_of(device));
    Context context(test::strict(device));
    const Tensor x = filled(context, 1);
    StepGraph graph(context);
    int calls = 0;
    for (int run = 1; run <= 6; ++run) {
      graph.run([&] {
        ++calls;
        double_in_place(x);
      });
      CHECK(x.to_vector<float>() == std::vector<float>(count, static_cast<float>(1 << run)));
    }
    CHECK(calls == (device == Device::cpu ? 6 : 2));
  }
}

TEST_CASE("a repeated training step: gradients of every run") {
  for (Device device : test::devices()) {
    CAPTURE(name_of(device));
    Context context(test::strict(device));
    Tensor p = filled(context, 3);
    p.set_requires_grad();
    p.set_grad(Tensor::zeros(context, {count}));
    const Tensor up = filled(context, 1);
    StepGraph graph(context);
    for (int run = 1; run <= 5; ++run) {
      graph.run([&] {
        p.grad().zero();
        Tape tape(context);
        const Tensor y = multiply(p, p);
        tape.backward(y, up);
        p.copy_from(scale(p.grad(), 0.5));  // the gradient is 2 p: p stays
      });
      CHECK(p.grad().to_vector<float>() == std::vector<float>(count, 6));
      CHECK(p.to_vector<float>() == std::vector<float>(count, 3));
    }
  }
}

TEST_CASE("arrays made between two runs keep their elements") {
  for (Device device : test::devices()) {
    CAPTURE(name_of(device));
    Context context(test::strict(device));
    const Tensor x = filled(context, 1);
    StepGraph graph(context);
    for (int run = 0; run < 3; ++run) graph.run([&] { double_in_place(x); });
    std::vector<Tensor> kept;  // of the intermediate's size: its memory must not be among theirs
    for (int i = 0; i < 4; ++i) kept.push_back(filled(context, static_cast<float>(i)));
    graph.run([&] { double_in_place(x); });
    for (int i = 0; i < 4; ++i)
      CHECK(kept[static_cast<size_t>(i)].to_vector<float>() ==
            std::vector<float>(count, static_cast<float>(i)));
    CHECK(x.to_vector<float>() == std::vector<float>(count, 16));
  }
}

TEST_CASE("a result kept from a step is not overwritten by another step's run") {
  for (Device device : test::devices()) {
    CAPTURE(name_of(device));
    Context context(test::strict(device));
    const Tensor a = filled(context, 1), b = filled(context, 1);
    StepGraph first(context), second(context);
    Tensor kept;
    for (int run = 1; run <= 4; ++run) {
      first.run([&] { kept = scale(a, 5); });
      second.run([&] { double_in_place(b); });
      CHECK(kept.to_vector<float>() == std::vector<float>(count, 5));
      CHECK(b.to_vector<float>() == std::vector<float>(count, static_cast<float>(1 << run)));
    }
  }
}

TEST_CASE("a repeated step asks the system for no memory after its second run") {
  for (Device device : test::devices()) {
    CAPTURE(name_of(device));
    Context context(test::strict(device));
    const Tensor x = filled(context, 0);
    StepGraph graph(context);
    const auto step = [&] { double_in_place(x); };
    graph.run(step);
    graph.run(step);
    const size_t before = context.memory().system_allocations;
    for (int run = 0; run < 10; ++run) graph.run(step);
    CHECK(context.memory().system_allocations == before);
  }
}

TEST_CASE("memory of a repeated step serves others when the step is gone") {
  for (Device device : test::devices()) {
    CAPTURE(name_of(device));
    Context context(test::strict(device));
    const Tensor x = filled(context, 1);
    const size_t before = context.memory().in_use;
    {
      StepGraph graph(context);
      for (int run = 0; run < 3; ++run) graph.run([&] { double_in_place(x); });
    }
    CHECK(context.memory().in_use == before);
  }
}

TEST_CASE("an exception of the step passes through, and the next run starts afresh") {
  for (Device device : test::devices()) {
    CAPTURE(name_of(device));
    Context context(test::strict(device));
    const Tensor x = filled(context, 1);
    StepGraph graph(context);
    bool fails = false;
    const auto step = [&] {
      const Tensor y = scale(x, 2);
      if (fails) throw std::runtime_error("mid step");
      x.copy_from(y);
    };
    graph.run(step);
    fails = true;
    CHECK_THROWS_AS(graph.run(step), std::runtime_error);
    CHECK(x.to_vector<float>() == std::vector<float>(count, 2));
    fails = false;
    for (int run = 0; run < 3; ++run) graph.run(step);
    CHECK(x.to_vector<float>() == std::vector<float>(count, 16));
  }
}

TEST_CASE("a recorded step may not read results to the host") {
  for (Device device : test::devices()) {
    if (device == Device::cpu) continue;
    Context context(test::strict(device));
    const Tensor x = filled(context, 1);
    StepGraph graph(context);
    const auto step = [&] { static_cast<void>(x.to_vector<float>()); };
    graph.run(step);
    CHECK_THROWS_WITH_AS(graph.run(step), doctest::Contains("captured step"), Error);
    CHECK(x.to_vector<float>() == std::vector<float>(count, 1));
  }
}

TEST_CASE("contexts come and go in one thread while another records steps") {
  for (Device device : test::devices()) {
    std::jthread others([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        Context context(test::strict(device, 1));
        const Tensor x = Tensor::from(context, {2, 2}, std::vector<float>{1, 2, 3, 4});
        static_cast<void>(matmul(x, x));  // makes the library's handle
      }
    });
    for (int i = 0; i < 20; ++i) {
      Context context(test::strict(device, 1));
      const Tensor x = filled(context, 1);
      StepGraph graph(context);
      for (int run = 1; run <= 3; ++run)
        graph.run([&] {
          for (int k = 0; k < 20; ++k) double_in_place(x);
        });
      CHECK(x.to_vector<float>() == std::vector<float>(count, 0x1p60f));
    }
  }
}
