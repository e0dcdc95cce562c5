// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "mellow/engine/nn/layers.h"
#include "mellow/engine/nn/model.h"
#include "mellow/models/make_model.h"

namespace mellow {

struct MlpConfig {
  int64_t channels = 1, classes = 2;
  int64_t length = 0;  // steps
  int64_t units = 64, layers = 5;
};

// The multilayer perceptron of the ILS study's synthetic experiment (Maher & Kull 2021, appendix A): all
// values of a series, layers of units with relu, linear head. Weight names: hidden.<i>.…, head.….
class Mlp final : public Classifier {
 public:
  Mlp(const ModuleOptions& options, const MlpConfig& config);
  Tensor features(const Tensor& x) override;  // [batch, units]
  Tensor head(const Tensor& features) override { return head_(features); }
  std::vector<std::pair<std::string, int64_t>> sizes() const override {
    return {{"units", config_.units}, {"layers", config_.layers}};
  }

 private:
  MlpConfig config_;
  std::vector<LinearLayer*> hidden_;
  LinearLayer& head_;
};

inline void register_mlp(ModelsTable& table) {
  table.entries.push_back(
      {"mlp", "five layers of 64 units (Maher & Kull 2021, appendix A)",
       [](const ModuleOptions& options, const ModelConfig& config) -> std::unique_ptr<Classifier> {
         return std::make_unique<Mlp>(
             options,
             MlpConfig{.channels = config.channels, .classes = config.classes, .length = config.length});
       }});
}

}  // namespace mellow
