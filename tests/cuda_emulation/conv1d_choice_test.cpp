// SPDX-License-Identifier: MIT
// Which way a convolution goes: cuDNN (a stand-in that takes as long as it is told) or tensor cores.
#include <filesystem>

#include "mellow/engine/ops/conv1d_branches.h"
#include "mellow/engine/ops/join.h"
#include "mellow/engine/ops/pointwise.h"
#include "mellow/tests/cuda_emulation/emulator.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/environment.h"
#include "mellow/tests/support/files.h"

using namespace mellow;
using namespace mellow::test;

namespace {

// A stand-in for cuDNN and a cache folder of their own, for one test.
class Stage {
 public:
  explicit Stage(float cudnn_milliseconds) { set(cudnn_milliseconds); }
  ~Stage() { emulation::cudnn = {}; }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  void set(float cudnn_milliseconds) { emulation::cudnn = {true, cudnn_milliseconds, 0}; }
  std::string file() const { return folder_.path() + "/mellow/conv1d-ways.json"; }
  void write(const std::string& bytes) const {
    std::filesystem::create_directories(std::filesystem::path(file()).parent_path());
    spill(file(), bytes);
  }

 private:
  TempFolder folder_;
  EnvironmentVariable cache_{"XDG_CACHE_HOME", folder_.path()};
};

// How often cuDNN ran for one convolution in a context of its own.
int cudnn_runs(int64_t batch = 2, int64_t length = 9, Precision precision = Precision::tf32) {
  Context context({.device = Device::cuda, .precision = precision});
  const Tensor x = tensor_of<float>(context, {batch, length, 8}, random_values(batch * length * 8, 1));
  const Tensor w = tensor_of<float>(context, {8, 3, 8}, random_values(192, 2));
  emulation::cudnn.runs = 0;
  conv1d(x, w, {}, same_padding(3));
  return emulation::cudnn.runs;
}
constexpr int trials = 5;  // a first run, then four that are recorded and timed

}  // namespace

TEST_CASE("conv1d's way is measured once and remembered") {
  Stage stage(0.5f);
  CHECK(cudnn_runs() == trials + 1);
  CHECK(contains(slurp(stage.file()), "\"cudnn\""));
  stage.set(1000);
  CHECK(cudnn_runs() == 1);            // by another context
  CHECK(cudnn_runs(2, 12) == 1);       // the same kind
  CHECK(cudnn_runs(2, 40) == trials);  // another, which goes to tensor cores
  stage.set(0.5f);
  CHECK(cudnn_runs(2, 40) == 0);
  CHECK(cudnn_runs(2, 40, Precision::fp32) == 1);       // strict: nothing to choose
  CHECK(cudnn_runs(2, 40, Precision::bf16) == trials);  // copies take a launch each
  Stage later(1000);
  later.write(slurp(stage.file()));
  CHECK(cudnn_runs() == 1);
  CHECK(cudnn_runs(2, 40) == 0);
}

TEST_CASE("branches run in one launch where that is faster than each its own way") {
  const auto run = [] {
    Context context({.device = Device::cuda, .precision = Precision::tf32});
    const Tensor x = tensor_of<float>(context, {2, 9, 8}, random_values(144, 1));
    Tensor w[] = {tensor_of<float>(context, {8, 5, 8}, random_values(320, 2)),
                  tensor_of<float>(context, {16, 3, 8}, random_values(384, 3))};
    const Conv1dOptions options[] = {same_padding(5), same_padding(3)};
    for (Tensor& weight : w) weight.set_requires_grad();
    emulation::cudnn.runs = 0;
    Tape tape(context);
    const Tensor y = conv1d_branches(scale(x, 1), w, options);
    tape.backward(y, tensor_of<float>(context, y.shape(), random_values(y.count(), 4)));
    return to_doubles(w[1].grad());
  };
  Stage fast(0.5f);
  const auto apart = run();
  CHECK(emulation::cudnn.runs > 4);  // trials
  CHECK(contains(slurp(fast.file()), "taps 5 and 3"));
  CHECK(run() == apart);
  CHECK(emulation::cudnn.runs == 4);  // two branches, forward and weights
  Stage slow(1000);
  const auto together = run();
  CHECK(run() == together);
  CHECK(emulation::cudnn.runs == 0);
  check_close(together, apart, 2e-3, "gradient of tf32");
}

TEST_CASE("tensor cores take what cuDNN was chosen for and has no plan for") {
  Stage stage(0.5f);
  CHECK(cudnn_runs() == trials + 1);
  const auto rows = [] {
    Context context({.device = Device::cuda, .precision = Precision::tf32});
    const Tensor x = tensor_of<float>(context, {2, 9, 8}, random_values(144, 1));
    return to_doubles(
        conv1d(x, tensor_of<float>(context, {8, 3, 8}, random_values(192, 2)), {}, same_padding(3)));
  };
  emulation::cudnn.has_plans = false;
  const auto got = rows();
  const EnvironmentVariable forced("MELLOW_CONV", "tensor");
  CHECK(got == rows());
}

TEST_CASE("a file of choices that is broken or foreign is ignored and replaced") {
  for (const char* bytes : {"", "{", "[1, 2]", "{\"a\": 3}", "{\"a\": {\"b\": 1}}", "\xFF\xFE"}) {
    Stage stage(0.5f);
    stage.write(bytes);
    CHECK(cudnn_runs() == trials + 1);
    CHECK(cudnn_runs() == 1);
  }
  Stage stage(0.5f);
  CHECK(cudnn_runs() == trials + 1);
  std::string other = slurp(stage.file());
  other.replace(other.find("\"cudnn\""), 7, "\"swift\"");
  Stage foreign(0.5f);
  foreign.write(other);
  CHECK(cudnn_runs() == trials + 1);
  CHECK(cudnn_runs() == 1);
  Stage blocked(0.5f);
  std::filesystem::create_directories(blocked.file());  // a folder in the file's place
  CHECK(cudnn_runs() == trials + 1);
  CHECK(cudnn_runs() == 1);  // contexts of one process agree all the same
}

TEST_CASE("MELLOW_CONV forces a way") {
  Stage stage(0.5f);
  for (const auto& [way, runs] : {std::pair{"cudnn", 1}, {"tensor", 0}, {"direct", 0}}) {
    CAPTURE(way);
    const EnvironmentVariable forced("MELLOW_CONV", way);
    CHECK(cudnn_runs() == runs);
  }
  CHECK(slurp(stage.file()).empty());
  const EnvironmentVariable forced("MELLOW_CONV", "fast");
  CHECK_THROWS_WITH_AS(cudnn_runs(), "[conv1d] MELLOW_CONV is \"fast\"; it must be cudnn, tensor or direct",
                       Error);
}

TEST_CASE("measuring leaves one result, also of gradients that are added to what is there") {
  for (const float milliseconds : {0.5f, 1000.0f}) {
    Stage stage(milliseconds);
    Context context({.device = Device::cuda, .precision = Precision::tf32});
    Tensor x = tensor_of<float>(context, {2, 9, 8}, random_values(144, 1)).set_requires_grad();
    Tensor w = tensor_of<float>(context, {8, 3, 8}, random_values(192, 2)).set_requires_grad();
    std::vector<double> once[2];
    for (int pass = 1; pass <= 3; ++pass) {
      Tape tape(context);
      const Tensor y = conv1d(x, w, {}, same_padding(3));
      tape.backward(y, tensor_of<float>(context, y.shape(), random_values(y.count(), 3)));
      for (const int i : {0, 1}) {
        auto expected = once[i];
        for (double& value : expected) value *= pass;
        const auto got = to_doubles(i == 0 ? x.grad() : w.grad());
        if (pass == 1)
          once[i] = got;
        else
          check_close(got, expected, 1e-5, "gradient");
      }
    }
  }
}

TEST_CASE("cuDNN that takes plain operands alone is given copies") {
  Stage stage(0.5f);
  emulation::cudnn.plain_only = true;
  const EnvironmentVariable forced("MELLOW_CONV", "cudnn");
  // Two convolutions into windows of one tensor; every gradient but the first is added to what is there.
  const auto run = [](Device device, Precision precision, const Conv1dOptions& options, int64_t in,
                      int64_t out) {
    Context context({.device = device, .precision = precision});
    Tensor x = tensor_of<float>(context, {2, 9, in}, random_values(18 * in, 1)).set_requires_grad();
    Tensor w = tensor_of<float>(context, {out, 4, in}, random_values(4 * in * out, 2)).set_requires_grad();
    const int64_t steps = conv1d_shape(x.shape(), w, {}, options)[1];
    std::vector<double> all;
    for (int pass = 0; pass < 2; ++pass) {
      Tape tape(context);
      Join join(context, {2, steps, 2 * out}, DType::f32);
      const Tensor inner = scale(x, 1);
      for (int i = 0; i < 2; ++i) conv1d(inner, w, {}, options, join.part(out));
      const Tensor y = join.whole();
      tape.backward(y, tensor_of<float>(context, y.shape(), random_values(y.count(), 3)));
      for (const Tensor& t : {y, x.grad(), w.grad()}) {
        const auto values = to_doubles(t);
        all.insert(all.end(), values.begin(), values.end());
      }
    }
    return all;
  };
  for (const auto& [in, out] : {std::pair{6, 5}, {8, 8}})
    for (const Conv1dOptions& options :
         {same_padding(4), same_padding(4, 2), Conv1dOptions{.pad_left = 5, .pad_right = 1},
          Conv1dOptions{.stride = 2, .pad_left = 5, .pad_right = 1}}) {
      const auto expected = run(Device::cpu, Precision::fp32, options, in, out);
      emulation::cudnn.runs = 0;
      check_close(run(Device::cuda, Precision::fp32, options, in, out), expected, 1e-5, "fp32");
      check_close(run(Device::cuda, Precision::bf16, options, in, out), expected, 2e-2, "bf16");
      CHECK(emulation::cudnn.runs == 2 * 2 * 6);
    }
}
