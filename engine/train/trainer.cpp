// SPDX-License-Identifier: MIT
#include "mellow/engine/train/trainer.h"

#include <chrono>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/random_state.h"
#include "mellow/engine/internal/on_device.h"
#include "mellow/engine/nn/state.h"
#include "mellow/engine/ops/batch.h"

namespace mellow {

Trainer::Batch::Batch(Context& context, const Shape& shape, int64_t size)
    : x(Tensor::empty(context, {size, shape[1], shape[2]})),
      index(Tensor::empty(context, {size}, DType::i32)),
      graph(context) {}

Trainer::Trainer(const Student& student, const LabelledSet& set, const SoftLabelTargets& soft,
                 const SoftLabelWeights& weights, const TrainerOptions& options, MovingLabels* moving)
    : student_(student),
      set_(set),
      soft_(soft),
      weights_(weights),
      options_(options),
      moving_(moving),
      context_(set.x.context()),
      order_(Tensor::empty(context_, {set.samples()}, DType::i32)),
      position_(Tensor::zeros(context_, {1}, DType::i64)),
      step_(Tensor::zeros(context_, {1}, DType::i64)),
      rate_(Tensor::zeros(context_, {1})),
      totals_(Tensor::zeros(context_, {soft_label_totals}, DType::f64)) {
  MELLOW_CHECK(options.batch_size >= 1, "[trainer] the batch size must be at least 1, got ",
               options.batch_size);
  MELLOW_CHECK(student.parameters.are_of(student.model),
               "[trainer] Student::parameters are not those of Student::model: make FlatParameters of the "
               "model that is trained");
  MELLOW_CHECK(set.samples() >= 1, "[trainer] the training set is empty");
  const int64_t size = std::min(options.batch_size, set.samples());
  full_ = std::make_unique<Batch>(context_, set.x.shape(), size);
  if (set.samples() % size != 0)
    last_ = std::make_unique<Batch>(context_, set.x.shape(), set.samples() % size);
  soft_.labels = set.labels;
}

void Trainer::begin_epoch() {
  const float rate = static_cast<float>(student_.schedule.rate(epoch_));
  rate_.copy_from(std::as_bytes(std::span(&rate, 1)));
  internal::on_device(
      context_, [&](auto& device) { shuffle(device, options_.seed, static_cast<uint64_t>(epoch_), order_); });
  if (moving_ != nullptr && batch_ == 0) moving_->begin_epoch(epoch_);
}

void Trainer::run_step(Batch& batch) {
  batch.graph.run([&] {
    internal::on_device(context_, [&](auto& device) {
      next_batch(device, order_, position_, step_, batch.index);
      gather(device, set_.x, batch.index, batch.x);
    });
    if (moving_ != nullptr) moving_->before_loss(batch.x, batch.index, step_);
    student_.parameters.gradients().zero();
    soft_.index = batch.index;
    Tensor logits;
    {
      Tape tape(context_);
      logits = student_.model.logits(batch.x);
      tape.backward(soft_label_loss(logits, soft_, weights_, totals_));
    }
    if (moving_ != nullptr) moving_->after_loss(logits, batch.index);
    student_.optimizer.update(student_.parameters, rate_, step_);
    if (moving_ != nullptr) moving_->after_update(step_);
  });
}

EpochReport Trainer::end_epoch() {
  const auto totals = totals_.to_vector<double>();
  const auto n = static_cast<double>(samples());
  EpochReport report{.epoch = ++epoch_,
                     .loss = totals[0] / n,
                     .ce = totals[1] / n,
                     .kl = totals[2] / n,
                     .accuracy = totals[3] / n,
                     .rate = student_.schedule.rate(epoch_ - 1),
                     .seconds = seconds_};
  student_.schedule.observe(report.loss);
  totals_.zero();
  position_.zero();
  batch_ = 0;
  seconds_ = 0;
  return report;
}

std::optional<EpochReport> Trainer::run_epoch(const std::function<bool()>& stop) {
  const auto start = std::chrono::steady_clock::now();
  const auto spent = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const RandomScope draws(context_, {options_.seed, step_});
  const TrainingScope training(student_.model);
  begin_epoch();
  const int64_t full = samples() / full_->index.dim(0);
  const int64_t batches = full + (last_ ? 1 : 0);
  for (; batch_ < batches; ++batch_) {
    if (stop && stop()) {
      seconds_ += spent();
      return std::nullopt;
    }
    run_step(batch_ < full ? *full_ : *last_);
  }
  context_.backend().synchronize();
  seconds_ += spent();
  return end_epoch();
}

std::vector<std::pair<std::string, Tensor>> Trainer::tensors() const {
  std::vector<std::pair<std::string, Tensor>> all = {{"weights", student_.parameters.weights()},
                                                     {"buffers", student_.parameters.buffers()},
                                                     {"position", position_},
                                                     {"step", step_},
                                                     {"totals", totals_}};
  for (auto& [name, tensor] : student_.optimizer.state()) all.emplace_back("optimizer." + name, tensor);
  if (moving_ != nullptr)
    for (auto& [name, tensor] : moving_->tensors()) all.emplace_back("moving." + name, tensor);
  return all;
}

NamedArrays Trainer::save() const {
  NamedArrays state;
  for (const auto& [name, tensor] : tensors()) state.arrays.emplace_back(name, to_host(tensor));
  state.arrays.emplace_back("schedule", host_array(student_.schedule.state()));
  state.arrays.emplace_back("epoch", host_array(std::vector<int64_t>{epoch_, batch_}));
  state.arrays.emplace_back("seconds", host_array(std::vector<double>{seconds_}));
  return state;
}

void Trainer::load(const NamedArrays& state, const std::string& where) {
  for (const auto& [name, tensor] : tensors()) from_host(tensor, state.at(name), text(where, ": ", name));
  student_.schedule.restore(host_values<double>(state.at("schedule"), where));
  const auto epoch = host_values<int64_t>(state.at("epoch"), where, 2);
  const auto seconds = host_values<double>(state.at("seconds"), where, 1);
  if (epoch[0] < 0 || epoch[1] < 0)
    throw Error(text(where, ": the saved position is damaged"), ErrorKind::input);
  epoch_ = epoch[0];
  batch_ = epoch[1];
  seconds_ = seconds[0];
}

}  // namespace mellow
