// SPDX-License-Identifier: MIT
#include "mellow/engine/autograd/tape.h"

#include <atomic>

#include "mellow/engine/core/tensor_impl.h"
#include "mellow/engine/internal/on_device.h"
#include "mellow/engine/ops/accumulate.h"

namespace mellow {
namespace {

uint64_t next_serial() {
  static std::atomic<uint64_t> last{0};  // names tapes apart; no behaviour hangs on its value
  return ++last;
}

void add_in_place(const Tensor& sum, const Tensor& x) {
  internal::on_device(sum.context(), [&](auto& device) { accumulate(device, sum, x); });
}

}  // namespace

Tape::Tape(Context& context) : context_(context), outer_(context.tape_), serial_(next_serial()) {
  context.tape_ = this;
}

Tape::~Tape() { context_.tape_ = outer_; }

bool Tape::any_requires_grad(std::span<const Tensor> inputs) {
  for (const Tensor& x : inputs)
    if (x.defined() && x.requires_grad()) return true;
  return false;
}

void Tape::record(std::unique_ptr<Node> node, std::span<const Tensor> inputs, const Tensor& output) {
  Entry entry{std::move(node), {}, std::vector<Tensor>(inputs.size())};
  entry.inputs.reserve(inputs.size());
  for (const Tensor& x : inputs) {
    Edge edge;
    if (x.defined()) {
      edge.shape = x.shape();
      edge.dtype = x.dtype();
      edge.wanted = x.requires_grad();
      if (x.impl_->tape == serial_) edge.producer = x.impl_->node;
      if (edge.wanted && edge.producer < 0) edge.leaf = x;
    }
    entry.inputs.push_back(std::move(edge));
  }
  output.impl_->requires_grad = true;
  output.impl_->tape = serial_;
  output.impl_->node = static_cast<int64_t>(entries_.size());
  entries_.push_back(std::move(entry));
}

void Tape::backward(const Tensor& loss) {
  MELLOW_CHECK(loss.count() == 1, "[backward] starts from one number, the loss has shape ", loss.shape());
  Tensor one = Tensor::empty(context_, loss.shape(), loss.dtype());
  internal::on_device(context_, [&](auto& device) { fill(device, one, 1.0); });
  backward(loss, one);
}

void Tape::backward(const Tensor& y, const Tensor& dy) {
  MELLOW_CHECK(
      y.impl_->tape == serial_ && y.impl_->node >= 0 && y.impl_->node < static_cast<int64_t>(entries_.size()),
      "[backward] the tensor was not made while this tape recorded");
  MELLOW_CHECK(dy.shape() == y.shape(), "[backward] the upstream gradient has shape ", dy.shape(), ", not ",
               y.shape());
  // Backward is not recorded; whatever happens, the tape is empty and records again afterwards.
  struct Pause {
    Tape& tape;
    ~Pause() {
      tape.entries_.clear();
      tape.slots_.clear();
      tape.serial_ = next_serial();
      tape.context_.tape_ = &tape;
    }
  } pause{*this};
  context_.tape_ = nullptr;
  slots_.assign(entries_.size(), Slot{});
  slots_[static_cast<size_t>(y.impl_->node)] = {dy, false};
  for (int64_t i = y.impl_->node; i >= 0; --i) {
    const auto at = static_cast<size_t>(i);
    const Tensor upstream = slots_[at].sum;
    slots_[at].sum = Tensor();
    if (upstream.defined()) {
      Gradients gradients(*this, i, slots_[at].exclusive);
      entries_[at].node->backward(upstream, gradients);
      settle(entries_[at]);
    }
    entries_[at].node.reset();  // what the op kept is free for the ops before it
  }
}

// Adds what fresh() handed out to the sums so far.
void Tape::settle(Entry& entry) {
  for (size_t i = 0; i < entry.pending.size(); ++i) {
    if (!entry.pending[i].defined()) continue;
    const Edge& edge = entry.inputs[i];
    if (edge.producer >= 0)
      add_to_slot(slots_[static_cast<size_t>(edge.producer)], entry.pending[i]);
    else
      add_in_place(leaf_gradient(edge), entry.pending[i]);
    entry.pending[i] = Tensor();
  }
}

void Tape::add_to_slot(Slot& slot, const Tensor& gradient) {
  if (!slot.sum.defined()) {
    slot = {gradient, true};
    return;
  }
  if (!slot.exclusive) {
    // Others read the elements of the sum so far: continue in a copy.
    Tensor copy = Tensor::zeros(context_, slot.sum.shape(), slot.sum.dtype());
    add_in_place(copy, slot.sum);
    slot = {copy, true};
  }
  add_in_place(slot.sum, gradient);
}

Tensor Tape::leaf_gradient(const Edge& edge) {
  if (!edge.leaf.grad().defined()) edge.leaf.set_grad(Tensor::zeros(context_, edge.shape, edge.dtype));
  return edge.leaf.grad();
}

bool Gradients::wanted(int i) const {
  return tape_.entries_[static_cast<size_t>(node_)].inputs[static_cast<size_t>(i)].wanted;
}

Gradients::Target Gradients::target(int i) {
  Tape::Entry& entry = tape_.entries_[static_cast<size_t>(node_)];
  const Tape::Edge& edge = entry.inputs[static_cast<size_t>(i)];
  if (edge.producer < 0) return {tape_.leaf_gradient(edge), true};
  Tape::Slot& slot = tape_.slots_[static_cast<size_t>(edge.producer)];
  if (slot.sum.defined() && slot.exclusive) return {slot.sum, true};
  if (slot.sum.defined()) return {fresh(i), false};
  slot = {Tensor::empty(tape_.context_, edge.shape, edge.dtype), true};
  return {slot.sum, false};
}

Tensor Gradients::fresh(int i) {
  Tape::Entry& entry = tape_.entries_[static_cast<size_t>(node_)];
  const Tape::Edge& edge = entry.inputs[static_cast<size_t>(i)];
  Tensor& place = entry.pending[static_cast<size_t>(i)];
  MELLOW_CHECK(!place.defined(), "[backward] the gradient of input ", i, " was asked for twice");
  place = Tensor::empty(tape_.context_, edge.shape, edge.dtype);
  return place;
}

void Gradients::share(int i, const Tensor& gradient, bool exclusive) {
  const Tape::Edge& edge = tape_.entries_[static_cast<size_t>(node_)].inputs[static_cast<size_t>(i)];
  if (edge.producer < 0) {
    add_in_place(tape_.leaf_gradient(edge), gradient);
    return;
  }
  Tape::Slot& slot = tape_.slots_[static_cast<size_t>(edge.producer)];
  if (slot.sum.defined())
    tape_.add_to_slot(slot, gradient);
  else
    slot = {gradient, exclusive};
}

}  // namespace mellow
