// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "mellow/engine/io/safetensors.h"
#include "mellow/engine/nn/flat_parameters.h"
#include "mellow/engine/nn/model.h"
#include "mellow/engine/ops/contrastive.h"
#include "mellow/engine/optim/adam.h"
#include "mellow/engine/optim/weight_average.h"

namespace mellow {

struct PretrainOptions {
  int64_t iterations = 0;  // 0: default_iterations()
  int64_t batch_size = 8;  // at most the number of series; an incomplete last batch is dropped
  double rate = 1e-3;
  double weight_decay = 0.01;
  uint64_t seed = 0;
  ContrastiveOptions contrast = {};
};

// 200 for a set of at most 100 000 values (series · steps · channels), else 600.
int64_t default_iterations(int64_t values);

struct PretrainProgress {
  int64_t iteration = 0, iterations = 0;
  double loss = 0;  // mean since the last report
};

// One iteration's two overlapping crops, shared by the batch except for the offset of each row (TS2Vec,
// section 3.1). Both views keep the steps [left, right) of the crop window; view 1 runs from `early`, view 2
// to `late`.
struct Crops {
  int64_t left, right, early, late;
  std::vector<int32_t> offsets;  // per row, -early … length - late
};
Crops draw_crops(uint64_t seed, int64_t iteration, int64_t length, int64_t batch);

// A cropped batch [batch, steps, channels] without NaN, and which steps the encoder sees (u8 [batch, steps]).
struct MaskedView {
  Tensor x, mask;
};

// The contrastive loss of two views that share `kept` steps: the last of view 1, the first of view 2.
Tensor contrast_views(StepEncoder& encoder, const MaskedView& view1, const MaskedView& view2, int64_t kept,
                      const ContrastiveOptions& options);

// TS2Vec's unsupervised training (Yue et al., AAAI 2022; zhihanyue/ts2vec@b0088e1): random crops, random
// masks, hierarchical contrastive loss, AdamW; the encoder ends with the mean of its weights over all
// iterations.
class Pretrainer {
 public:
  // series [samples, length, channels] on the device; NaN marks steps that are missing. The weights of
  // `encoder` are the start (initialize() them first).
  Pretrainer(StepEncoder& encoder, const Tensor& series, const PretrainOptions& options);

  // Runs to the end; returns false when `stop`, asked between iterations, ended it early: the next call, or
  // load() of what save() gave, goes on. `progress` is told about once in a second, or in 2 % of the
  // iterations.
  bool run(const std::function<void(const PretrainProgress&)>& progress = {},
           const std::function<bool()>& stop = {});

  int64_t iterations() const { return iterations_; }  // in all
  int64_t iteration() const { return iteration_; }    // finished ones
  NamedArrays save() const;
  void load(const NamedArrays& state, const std::string& where);

 private:
  MaskedView view(const Tensor& offsets, int64_t from, int64_t to, uint64_t draw) const;
  void iterate();
  std::vector<std::pair<std::string, Tensor>> tensors() const;

  StepEncoder& encoder_;
  Tensor series_;
  PretrainOptions options_;
  Context& context_;
  FlatParameters parameters_;
  Adam optimizer_;
  WeightAverage average_;
  Tensor order_, position_, step_, rate_, index_, loss_sum_;
  int64_t batch_, batches_per_epoch_, iterations_, iteration_ = 0;
};

// series [samples, length, channels], NaN allowed → [samples, dims]: each series' encoding, the maximum over
// its steps ("full series"). In evaluation mode; the host reads nothing.
Tensor encode_full_series(StepEncoder& encoder, const Tensor& series, int64_t batch_size = 64);

}  // namespace mellow
