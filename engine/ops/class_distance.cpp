// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/class_distance.h"

#include "mellow/engine/internal/on_device.h"

namespace mellow {

Tensor class_distances(const Tensor& x, const Tensor& labels, int64_t classes) {
  check_rank("class_distances", x, 2, "x [samples, dims]");
  MELLOW_CHECK(labels.dtype() == DType::i32 && labels.shape() == Shape{x.dim(0)},
               "[class_distances] labels must be I32 [", x.dim(0), "], got ", labels.shape());
  MELLOW_CHECK(x.is_contiguous(), "[class_distances] x must be contiguous");
  std::vector<int64_t> members(static_cast<size_t>(std::max<int64_t>(classes, 0)), 0);
  for (const int32_t label : labels.to_vector<int32_t>()) {
    MELLOW_CHECK(label >= 0 && label < classes, "[class_distances] label ", label, " lies outside [0, ",
                 classes, ")");
    ++members[static_cast<size_t>(label)];
  }
  for (size_t n = 0; n < members.size(); ++n)
    MELLOW_CHECK(members[n] > 0, "[class_distances] class ", n,
                 " has no samples: every class needs at least one");
  const Tensor out = Tensor::empty(x.context(), {x.dim(0), classes}, x.dtype());
  internal::on_device(x.context(), [&](auto& device) { class_distances(device, x, labels, out); });
  return out;
}

}  // namespace mellow
