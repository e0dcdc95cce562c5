// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/nn/init.h"
#include "mellow/engine/ops/update.h"
#include "mellow/engine/optim/optimizer.h"

namespace mellow {

// A framework's own Adam: betas 0.9 and 0.999, its eps and where it adds it.
inline AdamOptions adam_defaults(Framework framework) {
  if (framework == Framework::keras) return {.eps = 1e-7, .form = AdamForm::keras};
  return {};
}

// Adam (Kingma & Ba 2015); with weight_decay AdamW (Loshchilov & Hutter 2019).
class Adam final : public Optimizer {
 public:
  explicit Adam(const FlatParameters& parameters, const AdamOptions& options = {});
  void update(const FlatParameters& parameters, const Tensor& rate, const Tensor& step) override;
  std::vector<std::pair<std::string, Tensor>> state() override {
    return {{"first", first_}, {"second", second_}};
  }

  const Tensor& first() const { return first_; }    // running mean of the gradient
  const Tensor& second() const { return second_; }  // and of its square

 private:
  AdamOptions options_;
  Tensor first_, second_;
};

}  // namespace mellow
