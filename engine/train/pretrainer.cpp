// SPDX-License-Identifier: MIT
#include "mellow/engine/train/pretrainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/random.h"
#include "mellow/engine/core/random_state.h"
#include "mellow/engine/internal/on_device.h"
#include "mellow/engine/nn/state.h"
#include "mellow/engine/ops/accumulate.h"
#include "mellow/engine/ops/batch.h"
#include "mellow/engine/ops/join.h"
#include "mellow/engine/ops/reduce.h"

namespace mellow {
namespace {

constexpr int64_t small_set_values = 100'000;
constexpr double keep_step = 0.5;  // of TS2Vec's binomial mask

// Uniform in [low, high], both included: number `index` of this iteration.
int64_t draw_between(uint64_t seed, int64_t iteration, uint64_t index, int64_t low, int64_t high) {
  const auto words = random_words(seed, RandomStream::crop, static_cast<uint64_t>(iteration), index);
  return low + static_cast<int64_t>(below(static_cast<uint64_t>(high - low + 1), words[0], words[1]));
}

}  // namespace

int64_t default_iterations(int64_t values) { return values <= small_set_values ? 200 : 600; }

Crops draw_crops(uint64_t seed, int64_t iteration, int64_t length, int64_t batch) {
  Crops c{};
  const int64_t size = draw_between(seed, iteration, 0, std::min<int64_t>(2, length), length);
  c.left = draw_between(seed, iteration, 1, 0, length - size);
  c.right = c.left + size;
  c.early = draw_between(seed, iteration, 2, 0, c.left);
  c.late = draw_between(seed, iteration, 3, c.right, length);
  for (int64_t row = 0; row < batch; ++row)
    c.offsets.push_back(static_cast<int32_t>(
        draw_between(seed, iteration, 4 + static_cast<uint64_t>(row), -c.early, length - c.late)));
  return c;
}

Pretrainer::Pretrainer(StepEncoder& encoder, const Tensor& series, const PretrainOptions& options)
    : encoder_(encoder),
      series_(series),
      options_(options),
      context_(series.context()),
      parameters_(encoder),
      optimizer_(parameters_, {.weight_decay = options.weight_decay}),
      average_(parameters_) {
  check_rank("pretrain", series, 3, "series [samples, length, channels]");
  MELLOW_CHECK(series.dim(0) >= 1 && series.dim(1) >= 2,
               "[pretrain] needs at least one series of at least two steps, got ", series.shape());
  MELLOW_CHECK(options.batch_size >= 1 && options.iterations >= 0 && options.rate > 0,
               "[pretrain] batch size, iterations and rate must be positive, got ", options.batch_size, ", ",
               options.iterations, " and ", options.rate);
  batch_ = std::min(options.batch_size, series.dim(0));
  batches_per_epoch_ = series.dim(0) / batch_;
  iterations_ = options.iterations > 0 ? options.iterations : default_iterations(series.count());
  order_ = Tensor::empty(context_, {series.dim(0)}, DType::i32);
  position_ = Tensor::zeros(context_, {1}, DType::i64);
  step_ = Tensor::zeros(context_, {1}, DType::i64);
  const auto rate = static_cast<float>(options.rate);
  rate_ = Tensor::from(context_, {1}, std::vector<float>{rate});
  index_ = Tensor::empty(context_, {batch_}, DType::i32);
  loss_sum_ = Tensor::zeros(context_, {1}, series.dtype());
}

Tensor contrast_views(StepEncoder& encoder, const MaskedView& view1, const MaskedView& view2, int64_t kept,
                      const ContrastiveOptions& options) {
  // A whole encoding goes before the next begins: the slices are copies.
  const auto encoded = [&](const MaskedView& view, int64_t from) {
    return slice(encoder.encode(view.x, view.mask), 1, from, from + kept);
  };
  const Tensor z1 = encoded(view1, view1.x.dim(1) - kept), z2 = encoded(view2, 0);
  return hierarchical_contrastive(z1, z2, options);
}

MaskedView Pretrainer::view(const Tensor& offsets, int64_t from, int64_t to, uint64_t draw) const {
  MaskedView view = {Tensor::empty(context_, {batch_, to - from, series_.dim(2)}, series_.dtype()),
                     Tensor::empty(context_, {batch_, to - from}, DType::u8)};
  internal::on_device(context_, [&](auto& device) {
    gather_crops(device, series_, index_, offsets, from, view.x);
    mask_missing(device, view.x, {.keep = keep_step, .seed = options_.seed, .draw = draw}, view.mask);
  });
  return view;
}

void Pretrainer::iterate() {
  const int64_t in_epoch = iteration_ % batches_per_epoch_;
  internal::on_device(context_, [&](auto& device) {
    if (in_epoch == 0) {
      shuffle(device, options_.seed, static_cast<uint64_t>(iteration_ / batches_per_epoch_), order_);
      position_.zero();
    }
    next_batch(device, order_, position_, step_, index_);
  });
  const Crops crops = draw_crops(options_.seed, iteration_, series_.dim(1), batch_);
  const Tensor offsets = Tensor::from(context_, {batch_}, crops.offsets);
  const auto draw = static_cast<uint64_t>(iteration_) * 2;
  const MaskedView view1 = view(offsets, crops.early, crops.right, draw);
  const MaskedView view2 = view(offsets, crops.left, crops.late, draw + 1);
  parameters_.gradients().zero();
  Tape tape(context_);
  const Tensor loss = contrast_views(encoder_, view1, view2, crops.right - crops.left, options_.contrast);
  tape.backward(loss);
  optimizer_.update(parameters_, rate_, step_);
  average_.update(parameters_);
  internal::on_device(context_, [&](auto& device) { accumulate(device, loss_sum_, loss); });
  ++iteration_;
}

bool Pretrainer::run(const std::function<void(const PretrainProgress&)>& progress,
                     const std::function<bool()>& stop) {
  const RandomScope draws(context_, {options_.seed, step_});
  const TrainingScope training(encoder_);
  using Clock = std::chrono::steady_clock;
  const int64_t report_every = std::max<int64_t>(1, iterations_ / 50);
  int64_t reported = iteration_;
  Clock::time_point reported_at = Clock::now();
  while (iteration_ < iterations_) {
    if (stop && stop()) return false;
    iterate();
    const bool due = iteration_ - reported >= report_every || iteration_ == iterations_ ||
                     Clock::now() - reported_at >= std::chrono::seconds(1);
    if (!due) continue;
    const double loss = series_.dtype() == DType::f64 ? loss_sum_.item<double>() : loss_sum_.item<float>();
    if (!std::isfinite(loss))
      throw Error(text("[pretrain] the loss of iteration ", iteration_, " is not a number: lower the rate"),
                  ErrorKind::device);
    if (progress) progress({iteration_, iterations_, loss / static_cast<double>(iteration_ - reported)});
    loss_sum_.zero();
    reported = iteration_;
    reported_at = Clock::now();
  }
  average_.apply(parameters_);
  return true;
}

std::vector<std::pair<std::string, Tensor>> Pretrainer::tensors() const {
  return {{"weights", parameters_.weights()},
          {"average", average_.average()},
          {"updates", average_.updates()},
          {"first", optimizer_.first()},
          {"second", optimizer_.second()},
          {"position", position_},
          {"order", order_},
          {"step", step_}};
}

NamedArrays Pretrainer::save() const {
  NamedArrays state;
  for (const auto& [name, tensor] : tensors()) state.arrays.emplace_back(name, to_host(tensor));
  state.arrays.emplace_back("iteration", host_array(std::vector<int64_t>{iteration_}));
  return state;
}

void Pretrainer::load(const NamedArrays& state, const std::string& where) {
  for (const auto& [name, tensor] : tensors()) from_host(tensor, state.at(name), text(where, ": ", name));
  const int64_t iteration = host_values<int64_t>(state.at("iteration"), where, 1)[0];
  if (iteration < 0 || iteration > iterations_)
    throw Error(text(where, ": iteration ", iteration, " is not one of ", iterations_), ErrorKind::input);
  iteration_ = iteration;
}

Tensor encode_full_series(StepEncoder& encoder, const Tensor& series, int64_t batch_size) {
  check_rank("encode", series, 3, "series [samples, length, channels]");
  MELLOW_CHECK(series.dim(0) >= 1 && batch_size >= 1,
               "[encode] needs series and a batch size of at least 1, got ", series.shape(), " and ",
               batch_size);
  Context& context = series.context();
  encoder.set_training(false);
  Tensor all;
  for (int64_t from = 0; from < series.dim(0); from += batch_size) {
    const int64_t to = std::min(series.dim(0), from + batch_size);
    const Tensor x = series.window(0, from, to).clone();  // missing steps are zeroed in place
    const Tensor mask = Tensor::empty(context, {x.dim(0), x.dim(1)}, DType::u8);
    internal::on_device(context, [&](auto& device) { mask_missing(device, x, {}, mask); });
    const Tensor encoded = max_over_time(encoder.encode(x, mask));
    if (!all.defined()) all = Tensor::empty(context, {series.dim(0), encoded.dim(1)}, encoded.dtype());
    all.window(0, from, to).copy_from(encoded);
  }
  return all;
}

}  // namespace mellow
