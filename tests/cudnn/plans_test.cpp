// SPDX-License-Identifier: MIT
// What cuDNN plans for the models' convolutions, asked of the library itself.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "mellow/kernels/cuda/cudnn_engine.h"

using namespace mellow;
using namespace mellow::cuda;

namespace {

struct Gpu {
  const char* name;
  int capability, multiprocessors, shared_memory,
      threads;            // bytes of a block with opt-in; of a multiprocessor
  int64_t memory, cache;  // bytes
};
constexpr Gpu gpus[] = {{"Tesla T4", 750, 40, 65536, 1024, int64_t{15} << 30, 4 << 20},
                        {"NVIDIA A100-SXM4-80GB", 800, 108, 166912, 2048, int64_t{79} << 30, 40 << 20},
                        {"NVIDIA H100 80GB HBM3", 900, 132, 232448, 2048, int64_t{79} << 30, 50 << 20}};

std::string description(const Gpu& gpu) {
  return nlohmann::json{{"cudaDeviceId", 0},
                        {"deviceName", gpu.name},
                        {"deviceVer", gpu.capability},
                        {"driverVer", 13000},
                        {"isTccDriver", 0},
                        {"l2CacheSize", gpu.cache},
                        {"maxBlockSize", {1024, 1024, 64}},
                        {"maxCtasPerSM", gpu.threads / 64},
                        {"maxGridSize", {2147483647, 65535, 65535}},
                        {"maxRegistersPerSM", 65536},
                        {"maxSharedMemoryPerBlock", 49152},
                        {"maxSharedMemoryPerBlockOptin", gpu.shared_memory},
                        {"maxThreadsPerBlock", 1024},
                        {"maxThreadsPerSM", gpu.threads},
                        {"memClockRateKHz", 1593000},
                        {"multiProcessorCount", gpu.multiprocessors},
                        {"pciDeviceId", 0},
                        {"regsPerBlock", 65536},
                        {"reservedSharedMemoryPerBlock", gpu.capability < 800 ? 0 : 1024},
                        {"smClockRateKHz", 1500000},
                        {"supportCoopLaunch", 1},
                        {"totalGlobalMem", gpu.memory},
                        {"warpSize", 32}}
      .dump();
}

class DescribedDevice final : public PlanDevice {
 public:
  explicit DescribedDevice(const Gpu& gpu) : PlanDevice(gpu.name) {
    const std::string text = description(gpu);
    check(cudnnBackendSetAttribute(properties_, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                                   static_cast<int64_t>(text.size()), text.data()),
          "the description");
    is_understood_ = properties_.try_finalize() == CUDNN_STATUS_SUCCESS;
    if (is_understood_) return;
    std::array<char, 512> reason{};  // the form is the library's own business
    cudnnGetLastErrorString(reason.data(), reason.size());
    MESSAGE("skipped: cuDNN does not plan for the described ", name(), ": ", std::string(reason.data()));
  }
  bool is_understood() const { return is_understood_; }
  void tell(Descriptor& of, cudnnBackendDescriptorType_t type) const override {
    if (type == CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR) {
      of.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, properties_);
      ++questions;
    }
    if (type == CUDNN_BACKEND_ENGINE_DESCRIPTOR) of.set(CUDNN_ATTR_ENGINE_DEVICEPROP, properties_);
    if (type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR)
      of.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, properties_);
  }
  mutable int questions = 0;  // that the heuristics were asked

 private:
  Descriptor properties_{CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR};
  bool is_understood_ = false;
};

struct Layer {
  const char* name;
  int64_t in, out, taps, stride, dilation;
  int64_t wide;  // channels of the tensor whose window the result is
};
constexpr Layer layers[] = {{"Inception bottleneck", 128, 32, 1, 1, 1, 32},
                            {"Inception branch", 32, 32, 40, 1, 1, 128},
                            {"Inception branch", 32, 32, 20, 1, 1, 128},
                            {"Inception branch", 32, 32, 10, 1, 1, 128},
                            {"Inception shortcut", 128, 128, 1, 1, 1, 128},
                            {"ResNet block", 64, 64, 3, 1, 1, 64},
                            {"ResNet first of a stage", 64, 128, 3, 2, 1, 128},
                            {"ResNet shortcut", 256, 512, 1, 2, 1, 512},
                            {"LSTM-FCN", 128, 256, 5, 1, 1, 256},
                            {"LSTM-FCN", 256, 128, 3, 1, 1, 128},
                            {"TS2Vec", 64, 64, 3, 1, 1, 64},
                            {"TS2Vec", 64, 64, 3, 1, 512, 64},
                            {"TS2Vec, last", 64, 320, 3, 1, 1024, 320}};

// One pass with «same» padding, on the tensors as they lie.
ConvKey key_of(const Layer& l, ConvPass pass, int64_t batch, int64_t length, bool add = false) {
  const int64_t span = (l.taps - 1) * l.dilation, steps = (length - 1) / l.stride + 1;
  const ConvSizes sizes = {batch,    length,     l.in, steps,    l.out,          l.taps,
                           l.stride, l.dilation, 1,    span / 2, span - span / 2};
  return {pass,  sizes, {length * l.in, l.in, 16}, {l.taps * l.in, l.in, 16}, {steps * l.wide, l.wide, 16},
          false, add};
}

// On packed copies in bfloat16, padded alike on both sides.
ConvKey bf16_key_of(const Layer& l, ConvPass pass, int64_t batch, int64_t length) {
  ConvKey key = key_of(l, pass, batch, length);
  key.bf16 = true;
  key.sizes.length += key.sizes.pad_right - key.sizes.pad_left;
  key.sizes.pad_right = key.sizes.pad_left;
  key.x.item_stride = key.sizes.length * l.in;
  key.y = {key.sizes.out_length * l.out, l.out, 16};
  return key;
}

constexpr ConvPass passes[] = {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_filter};

}  // namespace

TEST_CASE("cuDNN plans every convolution of the models") {
  for (const Gpu& gpu : gpus) {
    const DescribedDevice device(gpu);
    if (!device.is_understood()) return;
    for (const Layer& layer : layers)
      for (const ConvPass pass : passes) {
        INFO(gpu.name, ", ", layer.name, ", taps ", layer.taps, ", dilation ", layer.dilation, ", pass ",
             static_cast<int>(pass));
        for (const bool strict : {true, false})
          for (const bool add : {true, false})
            CHECK(make_plan(device, key_of(layer, pass, 64, 150, add), strict) != nullptr);
        if (gpu.capability >= 800)
          CHECK(make_plan(device, bf16_key_of(layer, pass, 64, 150), false) != nullptr);
      }
  }
}

TEST_CASE("cuDNN's heuristics are asked once for a kind of convolution") {
  Gpu gpu = gpus[2];
  gpu.name = "NVIDIA H100 PCIe";  // not what other cases asked about
  const DescribedDevice device(gpu);
  if (!device.is_understood()) return;
  for (const Layer& layer : {layers[1], layers[6], layers[11]})
    for (const ConvPass pass : passes) {
      INFO(layer.name, ", pass ", static_cast<int>(pass));
      const auto plan_all = [&](int64_t from, int64_t to) {
        for (int64_t length = from; length <= to; length += 3)
          for (const int64_t batch : {5, 8})
            REQUIRE(make_plan(device, key_of(layer, pass, batch, length), true) != nullptr);
      };
      plan_all(65, 128);
      const int asked = device.questions;
      plan_all(66, 128);
      CHECK(device.questions == asked);
      plan_all(2, 64);
      CHECK(device.questions > asked);
    }
}

TEST_CASE("what cuDNN does not take has no plan") {
  const DescribedDevice device(gpus[0]);
  if (!device.is_understood()) return;
  CHECK(make_plan(device, bf16_key_of(layers[1], ConvPass::forward, 64, 150), false) == nullptr);  // 7.5
  ConvKey key = key_of(layers[1], ConvPass::forward, 64, 150);
  key.sizes.groups = 3;  // does not divide the channels
  CHECK(make_plan(device, key, true) == nullptr);
}
