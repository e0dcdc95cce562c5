// SPDX-License-Identifier: MIT
#include "mellow/losses/disturb_label.h"

#include "mellow/engine/core/random.h"

namespace mellow {
namespace {

// A sample is seen once per epoch: drawing per epoch is drawing per sample and iteration.
class DisturbedLabels : public MovingLabels {
 public:
  DisturbedLabels(const Tensor& table, std::vector<int32_t> labels, double share, uint64_t seed)
      : table_(table), labels_(std::move(labels)), share_(share), seed_(seed) {}

  void begin_epoch(int64_t epoch) override {
    const int64_t classes = table_.dim(1);
    const auto drawn = disturbed_labels(labels_, classes, share_, seed_, epoch);
    std::vector<float> rows(static_cast<size_t>(table_.count()), 0.0f);
    for (size_t i = 0; i < drawn.size(); ++i)
      rows[i * static_cast<size_t>(classes) + static_cast<size_t>(drawn[i])] = 1;
    table_.copy_from(std::as_bytes(std::span(rows)));
  }
  std::vector<std::pair<std::string, Tensor>> tensors() const override { return {{"labels", table_}}; }

 private:
  Tensor table_;
  std::vector<int32_t> labels_;
  double share_;
  uint64_t seed_;
};

}  // namespace

std::vector<int32_t> disturbed_labels(std::span<const int32_t> labels, int64_t classes, double share,
                                      uint64_t seed, int64_t epoch) {
  std::vector<int32_t> drawn(labels.begin(), labels.end());
  for (size_t i = 0; i < drawn.size(); ++i) {
    const RandomWords words = random_words(seed, RandomStream::disturb, static_cast<uint64_t>(epoch), i);
    if (classes < 2 || static_cast<double>(uniform_from(words[0])) >= share) continue;
    const auto others = static_cast<uint64_t>(classes - 1);
    const int64_t shift = 1 + static_cast<int64_t>(below(others, words[1], words[2]));
    drawn[i] = static_cast<int32_t>((drawn[i] + shift) % classes);
  }
  return drawn;
}

Method disturb_label_method() {
  return {.name = "disturb-label",
          .formula =
              "CE(d, p), d = e, but another class with probability epsilon (K - 1) / K, drawn anew each "
              "epoch",
          .paper = "Xie et al. 2016",
          .options = {{.name = "epsilon",
                       .help = "label smoothing of the same expectation",
                       .value = 0.1,
                       .low = 0,
                       .high = 1}},
          .build = [](const MethodInputs& in, const MethodOptions& o) {
            const std::vector<int32_t> labels(in.labels.begin(), in.labels.end());
            const auto k = static_cast<double>(in.classes);
            const double share = o.number("epsilon") * (k - 1) / k;
            Recipe recipe{
                .q1 = {Tensor::zeros(in.context, {static_cast<int64_t>(labels.size()), in.classes}), true}};
            recipe.moving = [=, seed = in.seed, table = recipe.q1.table](const MovingInputs&) {
              return std::make_unique<DisturbedLabels>(table, labels, share, seed);
            };
            return recipe;
          }};
}

}  // namespace mellow
