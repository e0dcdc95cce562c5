// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "mellow/engine/nn/layers.h"
#include "mellow/engine/nn/model.h"
#include "mellow/models/make_model.h"

namespace mellow {

struct ResNetConfig {
  int64_t channels = 1, classes = 2;
  int64_t filters = 64;  // of the first block; the other two have twice as many
};

// The time-series ResNet (Wang et al. 2017; hfawaz/dl-4-tsc@e0233ef, classifiers/resnet.py): three blocks of
// three convolutions, no pooling, mean over time, linear head. Weight names: blocks.<i>.convs.<j>.…,
// blocks.<i>.norms.<j>.…, blocks.<i>.shortcut.…, head.….
class ResNet final : public Classifier {
 public:
  ResNet(const ModuleOptions& options, const ResNetConfig& config);
  Tensor features(const Tensor& x) override;  // [batch, 2 filters]
  Tensor head(const Tensor& features) override { return head_(features); }
  std::vector<std::pair<std::string, int64_t>> sizes() const override {
    return {{"filters", config_.filters}};
  }

 private:
  class Shortcut;
  class Block;
  ResNetConfig config_;
  std::vector<Block*> blocks_;
  LinearLayer& head_;
};

inline void register_resnet(ModelsTable& table) {
  table.entries.push_back(
      {"resnet", "the three-block time-series ResNet (Wang et al. 2017)",
       [](const ModuleOptions& options, const ModelConfig& config) -> std::unique_ptr<Classifier> {
         return std::make_unique<ResNet>(
             options, ResNetConfig{.channels = config.channels, .classes = config.classes});
       }});
}

}  // namespace mellow
