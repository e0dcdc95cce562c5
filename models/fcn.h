// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "mellow/engine/nn/layers.h"
#include "mellow/engine/nn/model.h"
#include "mellow/models/make_model.h"

namespace mellow {

struct FcnConfig {
  int64_t channels = 1, classes = 2;
  int64_t filters = 128;  // of the first and third convolution; the second has twice as many
};

// The fully convolutional network (Wang et al. 2017): convolutions of 8, 5 and 3 taps with batch norm and
// relu, mean over time, linear head. Weight names: convs.<i>.…, norms.<i>.…, head.….
class Fcn : public Classifier {
 public:
  Fcn(const ModuleOptions& options, const FcnConfig& config);
  Tensor features(const Tensor& x) override;  // [batch, filters]
  Tensor head(const Tensor& features) override { return head_(features); }
  std::vector<std::pair<std::string, int64_t>> sizes() const override {
    return {{"filters", config_.filters}};
  }

 protected:
  // With `beside` more features for the head, and its own start of the convolutions.
  Fcn(const ModuleOptions& options, const FcnConfig& config, int64_t beside, WeightStart start);

 private:
  FcnConfig config_;
  std::vector<ConvLayer*> convs_;
  std::vector<BatchNormLayer*> norms_;
  LinearLayer& head_;
};

inline void register_fcn(ModelsTable& table) {
  table.entries.push_back(
      {"fcn", "fully convolutional network (Wang et al. 2017)",
       [](const ModuleOptions& options, const ModelConfig& config) -> std::unique_ptr<Classifier> {
         return std::make_unique<Fcn>(options,
                                      FcnConfig{.channels = config.channels, .classes = config.classes});
       }});
}

}  // namespace mellow
