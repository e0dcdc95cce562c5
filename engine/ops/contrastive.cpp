// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/contrastive.h"

#include "mellow/engine/internal/apply.h"

namespace mellow {

Tensor hierarchical_contrastive(const Tensor& z1, const Tensor& z2, const ContrastiveOptions& options) {
  check_rank("hierarchical_contrastive", z1, 3, "z1 [batch, length, dims]");
  check_together("hierarchical_contrastive", z1, z2);
  MELLOW_CHECK(z1.shape() == z2.shape() && z1.count() > 0,
               "[hierarchical_contrastive] needs two encodings of the same steps, got ", z1.shape(), " and ",
               z2.shape());
  MELLOW_CHECK(options.alpha >= 0 && options.alpha <= 1,
               "[hierarchical_contrastive] alpha must lie in [0, 1], got ", options.alpha);
  HierarchicalContrastive op{.options = options};
  const Tensor in[] = {z1, z2};
  op.wanted = z1.context().tape() != nullptr && Tape::any_requires_grad(in);
  return internal::apply(std::move(op), {z1, z2}, {1}, z1.dtype());
}

}  // namespace mellow
