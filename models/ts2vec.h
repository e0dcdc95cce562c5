// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "mellow/engine/nn/layers.h"
#include "mellow/engine/nn/model.h"

namespace mellow {

struct Ts2VecConfig {
  int64_t channels = 1;
  int64_t hidden = 64;
  int64_t depth = 10;  // residual blocks of `hidden` channels, dilations 1, 2, 4, …; one more gives `output`
  int64_t output = 320;
  double dropout = 0.1;  // on the output, in training
};

// The TS2Vec encoder (Yue et al., AAAI 2022; zhihanyue/ts2vec@b0088e1): linear input layer, masking, dilated
// residual convolutions. Weight names are the original's: input_fc.…, feature_extractor.net.<i>.….
class Ts2Vec final : public StepEncoder {
 public:
  Ts2Vec(const ModuleOptions& options, const Ts2VecConfig& config);
  Tensor encode(const Tensor& x, const Tensor& mask) override;  // → [batch, length, output]
  const Ts2VecConfig& config() const { return config_; }

 private:
  class Block;
  Ts2VecConfig config_;
  LinearLayer& input_;
  std::vector<Block*> blocks_;
};

}  // namespace mellow
