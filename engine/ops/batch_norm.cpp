// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/batch_norm.h"

#include "mellow/engine/internal/apply.h"

namespace mellow {

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& running_mean,
                  const Tensor& running_var, const BatchNormOptions& options) {
  MELLOW_CHECK(x.rank() >= 2, "[batch_norm] x must be […, channels] of rank 2 or more, got ", x.shape());
  const Shape channels = {x.dim(-1)};
  for (const Tensor* t : {&gamma, &beta, &running_mean, &running_var})
    MELLOW_CHECK(t->shape() == channels, "[batch_norm] gamma, beta and the running statistics must be ",
                 channels, ", got ", t->shape());
  MELLOW_CHECK(!options.training || x.count() / std::max<int64_t>(1, x.dim(-1)) > 1,
               "[batch_norm] training needs more than one value per channel, x is ", x.shape());
  BatchNorm op{.options = options, .running_mean = running_mean, .running_var = running_var};
  return internal::apply(std::move(op), {x, gamma, beta}, x.shape(), x.dtype());
}

}  // namespace mellow
