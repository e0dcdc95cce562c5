// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "mellow/engine/nn/layers.h"
#include "mellow/engine/nn/model.h"
#include "mellow/models/make_model.h"

namespace mellow {

struct InceptionTimeConfig {
  int64_t channels = 1, classes = 2;
  int64_t depth = 6;     // inception modules
  int64_t filters = 32;  // of each of a module's four branches, and of the bottleneck
  int64_t kernel = 40;   // longest kernel; the other two are a half and a quarter
};

// One inception module: bottleneck (only when there are channels to reduce), three convolutions, max-pool
// branch, concatenation, batch norm, relu.
class InceptionModule final : public Module {
 public:
  InceptionModule(const ModuleOptions& options, int64_t channels, const InceptionTimeConfig& config);
  Tensor operator()(const Tensor& x) const;

 private:
  int64_t filters_;
  bool recomputes_;  // what convolutions of one channel write: a hundredth of a deep network's products
  ConvLayer* bottleneck_ = nullptr;
  std::vector<ConvLayer*> convs_;
  ConvLayer& pool_conv_;
  BatchNormLayer& norm_;
};

// InceptionTime (Ismail Fawaz et al. 2020, the authors' network, one of an ensemble): `depth` modules, a
// residual after every third, mean over time, linear head. Weight names: blocks.<d>.…, shortcuts.<i>.…,
// head.….
class InceptionTime final : public Classifier {
 public:
  InceptionTime(const ModuleOptions& options, const InceptionTimeConfig& config);
  Tensor features(const Tensor& x) override;  // [batch, 4 filters]
  Tensor head(const Tensor& features) override { return head_(features); }
  std::vector<std::pair<std::string, int64_t>> sizes() const override {
    return {{"depth", config_.depth}, {"filters", config_.filters}, {"kernel", config_.kernel}};
  }

 private:
  class Shortcut;
  InceptionTimeConfig config_;
  std::vector<InceptionModule*> blocks_;
  std::vector<Shortcut*> shortcuts_;
  LinearLayer& head_;
};

inline void register_inception_time(ModelsTable& table) {
  for (const int64_t depth : {6, 3, 2, 1}) {
    const std::string suffix = depth == 6 ? "" : "-" + std::to_string(depth);
    table.entries.push_back(
        {"inception-time" + suffix,
         "InceptionTime with " + std::to_string(depth) + " modules (Ismail Fawaz et al. 2020)",
         [depth](const ModuleOptions& options, const ModelConfig& config) -> std::unique_ptr<Classifier> {
           return std::make_unique<InceptionTime>(
               options,
               InceptionTimeConfig{.channels = config.channels, .classes = config.classes, .depth = depth});
         }});
  }
}

}  // namespace mellow
