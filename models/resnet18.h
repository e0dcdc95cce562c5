// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "mellow/engine/nn/layers.h"
#include "mellow/engine/nn/model.h"
#include "mellow/models/make_model.h"

namespace mellow {

struct ResNet18Config {
  int64_t channels = 1, classes = 2;
  int64_t filters = 64;  // of the stem and the first stage; each later stage doubles them
};

// ResNet-18 (He et al. 2016) in torchvision's layout with one-dimensional convolutions: stem of stride 2 and
// max-pool, four stages of two basic blocks, mean over time, linear head. A length L ends as ceil(L / 32).
// Weight names are torchvision's: conv1, bn1, layer<s>.<b>.…, fc.
class ResNet18 final : public Classifier {
 public:
  ResNet18(const ModuleOptions& options, const ResNet18Config& config);
  Tensor features(const Tensor& x) override;  // [batch, 8 filters]
  Tensor head(const Tensor& features) override { return head_(features); }
  std::vector<std::pair<std::string, int64_t>> sizes() const override {
    return {{"filters", config_.filters}};
  }

 private:
  class Block;
  ResNet18Config config_;
  ConvLayer& stem_;
  BatchNormLayer& stem_norm_;
  std::vector<Block*> blocks_;
  LinearLayer& head_;
};

inline void register_resnet18(ModelsTable& table) {
  table.entries.push_back(
      {"resnet18", "ResNet-18 with 1-D convolutions (He et al. 2016, torchvision's layout)",
       [](const ModuleOptions& options, const ModelConfig& config) -> std::unique_ptr<Classifier> {
         return std::make_unique<ResNet18>(
             options, ResNet18Config{.channels = config.channels, .classes = config.classes});
       }});
}

}  // namespace mellow
