// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "mellow/engine/core/tensor.h"

namespace mellow {

// Soft labels that change while a network trains: predictions of the epoch before, an averaged teacher,
// labels drawn anew. The trainer calls in at four moments; whoever implements this rewrites, in place, the
// tables that the loss reads.
class MovingLabels {
 public:
  virtual ~MovingLabels() = default;
  // Before the first step of an epoch (from 0), on the host.
  virtual void begin_epoch(int64_t /*epoch*/) {}
  // The next three are part of the step, which CUDA records once and replays: no host reads, the same tensors
  // every time. x [batch, length, channels], index i32 [batch] sample numbers, step i64 [1] from 1.
  virtual void before_loss(const Tensor& /*x*/, const Tensor& /*index*/, const Tensor& /*step*/) {}
  // logits [batch, classes] as the loss saw them.
  virtual void after_loss(const Tensor& /*logits*/, const Tensor& /*index*/) {}
  // After the weights moved.
  virtual void after_update(const Tensor& /*step*/) {}
  // What resuming needs, by name.
  virtual std::vector<std::pair<std::string, Tensor>> tensors() const = 0;
};

}  // namespace mellow
