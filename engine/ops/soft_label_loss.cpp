// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/soft_label_loss.h"

#include "mellow/engine/internal/apply.h"

namespace mellow {
namespace {

void check_table(const char* name, const SoftLabels& q, const Tensor& logits, int64_t samples) {
  if (!q.table.defined()) return;
  check_together("soft_label_loss", logits, q.table);
  const Shape expected = {q.per_sample ? samples : logits.dim(1), logits.dim(1)};
  MELLOW_CHECK(q.table.shape() == expected, "[soft_label_loss] ", name, " must be ", expected, " (",
               q.per_sample ? "one row per sample" : "one row per class", "), got ", q.table.shape());
}

}  // namespace

Tensor soft_label_loss(const Tensor& logits, const SoftLabelTargets& targets, const SoftLabelWeights& weights,
                       const Tensor& totals) {
  check_rank("soft_label_loss", logits, 2, "logits [batch, classes]");
  const auto& t = targets;
  MELLOW_CHECK(logits.dim(0) >= 1 && logits.dim(1) >= 1, "[soft_label_loss] logits ", logits.shape(),
               " are empty");
  MELLOW_CHECK(t.labels.defined() && t.labels.dtype() == DType::i32 && t.labels.rank() == 1,
               "[soft_label_loss] labels must be I32 [samples]");
  MELLOW_CHECK(weights.tau > 0, "[soft_label_loss] the temperature must be above 0, got ", weights.tau);
  MELLOW_CHECK(weights.relaxation >= 0 && weights.relaxation < 1,
               "[soft_label_loss] the relaxation must lie in [0, 1), got ", weights.relaxation);
  if (t.index.defined())
    MELLOW_CHECK(t.index.dtype() == DType::i32 && t.index.shape() == Shape{logits.dim(0)},
                 "[soft_label_loss] index must be I32 [", logits.dim(0), "], got ", t.index.shape());
  else
    MELLOW_CHECK(t.labels.dim(0) == logits.dim(0), "[soft_label_loss] ", t.labels.dim(0), " labels for ",
                 logits.dim(0), " rows of logits and no index");
  MELLOW_CHECK(
      !totals.defined() || (totals.dtype() == DType::f64 && totals.shape() == Shape{soft_label_totals}),
      "[soft_label_loss] totals must be F64 [", soft_label_totals, "]");
  check_table("q1", t.q1, logits, t.labels.dim(0));
  check_table("q2", t.q2, logits, t.labels.dim(0));
  SoftLabelLoss op{.targets = targets, .weights = weights, .totals = totals};
  op.wanted = logits.context().tape() != nullptr && logits.requires_grad();
  return internal::apply(std::move(op), {logits}, {1}, logits.dtype());
}

}  // namespace mellow
