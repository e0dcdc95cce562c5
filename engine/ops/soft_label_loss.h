// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/tensor.h"

namespace mellow {

// Soft labels, stored once on the device and gathered by the loss kernel: one row per class ([classes,
// classes], read at the sample's label) or one per sample ([samples, classes], read at the sample's number).
// Rows sum to one.
struct SoftLabels {
  Tensor table;  // empty: one-hot labels
  bool per_sample = false;
};

// One row of the method table; p = softmax(z), p_τ = softmax(z / τ), per sample, averaged over the batch:
//   L = ce · CE(q1, p) + kl · KL(q2 ‖ p_τ) − entropy · H(p)
// gradient: ce (p − q1) + (kl / τ) (p_τ − q2) + entropy · p_i (log p_i + H(p)).
// With relaxation α > 0 (Lienen & Hüllermeier 2021) the first term is ce · KL(r ‖ p) and q1 is not read: r is
// p itself where p_y ≥ 1 − α, else 1 − α on the class and the rest in the proportions of p; gradient
// ce (p − r).
struct SoftLabelWeights {
  double ce = 1, kl = 0, tau = 1, entropy = 0, relaxation = 0;
};

struct SoftLabelTargets {
  Tensor labels;  // i32 [samples], class indices
  Tensor index;   // i32 [batch]: which sample each row of the logits is; empty: row number
  SoftLabels q1, q2;
};

// What the kernel adds up over the batches of an epoch, on the device: f64 [4] =
// sum of L, sum of CE(q1, p) (relaxed: of KL(r ‖ p)), sum of KL(q2 ‖ p_τ) (0 when kl is 0), number of samples
// whose largest logit is the label's (of equal logits, the first counts).
inline constexpr int64_t soft_label_totals = 4;

// logits [batch, classes] → mean loss [1]. `totals` may be empty. One pass over the logits gives value,
// gradient and hits.
Tensor soft_label_loss(const Tensor& logits, const SoftLabelTargets& targets, const SoftLabelWeights& weights,
                       const Tensor& totals = {});

struct SoftLabelLoss {
  SoftLabelTargets targets;
  SoftLabelWeights weights;
  Tensor totals;
  Tensor gradient;  // [batch, classes], of the mean loss; only filled when `wanted`
  bool wanted = false;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

}  // namespace mellow
