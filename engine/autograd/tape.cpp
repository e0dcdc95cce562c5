// SPDX-License-Identifier: MIT
#include "mellow/engine/autograd/tape.h"

#include <atomic>
#include <utility>

#include "mellow/engine/core/tensor_impl.h"
#include "mellow/engine/internal/on_device.h"
#include "mellow/engine/ops/accumulate.h"

namespace mellow {
namespace {

uint64_t next_serial() {
  static std::atomic<uint64_t> last{0};  // names tapes apart; no behaviour depends on its value
  return ++last;
}

void add_in_place(const Tensor& sum, const Tensor& x) {
  internal::on_device(sum.context(), [&](auto& device) { accumulate(device, sum, x); });
}

}  // namespace

Tape::Tape(Context& context, Recompute recompute)
    : context_(context), recompute_(recompute), outer_(context.tape_), serial_(next_serial()) {
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
      edge.input = x.impl_;
      edge.given = true;
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

void Tape::drop(const Tensor& y) {
  MELLOW_CHECK(y.defined(), "[recompute_for_backward] an empty handle has no elements to drop");
  const bool recorded = y.impl_->tape == serial_;
  if (!recorded || y.impl_->storage == nullptr || recompute_ == Recompute::never) return;
  Entry& entry = entry_of(y.impl_->node);
  Dropped dropped = inputs_of(entry, y);
  std::vector<Dropped> parts;
  for (size_t i = 0; dropped.joins && i < dropped.inputs.size(); ++i) {
    const int64_t writer = entry.inputs[i].producer;
    MELLOW_CHECK(writer >= 0, "[recompute_for_backward] no op of the tape wrote part ", i, " of ", y.shape(),
                 ": it must be kept");
    parts.push_back(inputs_of(entry_of(writer), dropped.inputs[i]));
    parts.back().join = y.impl_->node;
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    entry_of(entry.inputs[i].producer).dropped = std::move(parts[i]);
    dropped.inputs[i].impl_->storage.reset();
  }
  entry.dropped = std::move(dropped);
  y.impl_->storage.reset();
}

// What is to be known for writing y, the op's output, again.
Tape::Dropped Tape::inputs_of(const Entry& entry, const Tensor& y) const {
  Dropped dropped = {y.impl_, y.impl_->storage->bytes, {}};
  for (const Edge& edge : entry.inputs) {
    Tensor x;
    x.impl_ = edge.input.lock();
    MELLOW_CHECK(x.defined() || !edge.given, "[recompute_for_backward] an input of the op that made ",
                 y.shape(), " is gone already: drop the output while its inputs live");
    dropped.inputs.push_back(std::move(x));
  }
  int64_t elements = 0;  // of the parts: as many as y has, or the op wrote over its inputs
  for (const Tensor& x : dropped.inputs)
    elements += x.defined() && x.impl_->storage == y.impl_->storage ? x.count() : y.count() + 1;
  dropped.joins = elements == y.count();
  MELLOW_CHECK(dropped.joins || entry.node->can_rebuild(), "[recompute_for_backward] the op that made ",
               y.shape(), " has no rebuild(): its output must be kept");
  return dropped;
}

void Tape::restore_inputs(const Entry& entry) {
  for (const Edge& edge : entry.inputs)
    if (edge.producer >= 0) restore(entry_of(edge.producer));
}

// Writes a dropped output again, its dropped inputs first, unless nobody wants it any more.
void Tape::restore(Entry& entry) {
  Tensor y;
  y.impl_ = entry.dropped.output.lock();
  if (!y.defined() || y.impl_->storage != nullptr) return;
  if (const int64_t join = entry.dropped.join; join >= 0 && !entry_of(join).dropped.output.expired())
    return restore(entry_of(join));
  if (!entry.dropped.joins) restore_inputs(entry);
  y.impl_->storage = std::make_shared<Storage>(context_, entry.dropped.bytes);
  write_again(entry, y);
}

// The elements of y, which has a place for them.
void Tape::write_again(Entry& entry, const Tensor& y) {
  if (!entry.dropped.joins) return entry.node->rebuild(entry.dropped.inputs, y);
  for (size_t i = 0; i < entry.inputs.size(); ++i) {
    Entry& writer = entry_of(entry.inputs[i].producer);
    restore_inputs(writer);
    const Tensor& part = entry.dropped.inputs[i];
    part.impl_->storage = y.impl_->storage;
    write_again(writer, part);
  }
}

void Tape::backward(const Tensor& loss) {
  MELLOW_CHECK(loss.count() == 1, "[backward] starts from one number, the loss has shape ", loss.shape());
  Tensor one = Tensor::empty(context_, loss.shape(), loss.dtype());
  internal::on_device(context_, [&](auto& device) { fill(device, one, 1.0); });
  backward(loss, one);
}

void Tape::backward(const Tensor& y, const Tensor& dy) {
  MELLOW_CHECK(y.defined() && y.impl_->tape == serial_ && y.impl_->node >= 0 &&
                   y.impl_->node < static_cast<int64_t>(entries_.size()),
               "[backward] the tensor was not made while this tape recorded");
  check_together("backward", y, dy);
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
    const Slot upstream = std::exchange(slots_[at], Slot());
    Entry& entry = entries_[at];
    if (upstream.sum.defined()) {
      if (!entry.dropped.joins) restore_inputs(entry);  // the gradient of a join is windows of dy
      Gradients gradients(*this, i, has_to_itself(upstream));
      entry.node->backward(upstream.sum, gradients);
      settle(entry);
    }
    entry.node.reset();  // what the op kept is free for the ops before it
    entry.dropped = {};
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
  if (!has_to_itself(slot)) {
    // Others read the elements of the sum so far: continue in a copy.
    Tensor copy = Tensor::zeros(context_, slot.sum.shape(), slot.sum.dtype());
    add_in_place(copy, slot.sum);
    slot = {copy, true};
  }
  add_in_place(slot.sum, gradient);
}

// Whether nobody else reads the elements: what ops shared is one's own once the others are done with it.
bool Tape::has_to_itself(const Slot& slot) { return slot.exclusive || is_only_handle(slot.sum); }

bool Tape::is_only_handle(const Tensor& x) {
  return x.impl_.use_count() == 1 && x.impl_->storage.use_count() == 1;
}

Tensor Tape::leaf_gradient(const Edge& edge) {
  if (!edge.leaf.grad().defined()) edge.leaf.set_grad(Tensor::zeros(context_, edge.shape, edge.dtype));
  return edge.leaf.grad();
}

bool Gradients::is_last_reader(const Tensor& kept) { return Tape::is_only_handle(kept); }

bool Gradients::wanted(int i) const {
  return tape_.entries_[static_cast<size_t>(node_)].inputs[static_cast<size_t>(i)].wanted;
}

Gradients::Target Gradients::target(int i) {
  Tape::Entry& entry = tape_.entries_[static_cast<size_t>(node_)];
  const Tape::Edge& edge = entry.inputs[static_cast<size_t>(i)];
  if (edge.producer < 0) return {tape_.leaf_gradient(edge), true};
  Tape::Slot& slot = tape_.slots_[static_cast<size_t>(edge.producer)];
  if (slot.sum.defined() && Tape::has_to_itself(slot)) return {slot.sum, true};
  if (slot.sum.defined()) return {fresh(i), false};
  slot = {Tensor::empty(tape_.context_, edge.shape, edge.dtype), true};
  return {slot.sum, false};
}

Gradients::Target Gradients::reuse(int i, const Tensor& dy) {
  const Tape::Edge& edge = tape_.entries_[static_cast<size_t>(node_)].inputs[static_cast<size_t>(i)];
  if (edge.producer < 0 || !upstream_exclusive_ || dy.shape() != edge.shape) return target(i);
  Tape::Slot& slot = tape_.slots_[static_cast<size_t>(edge.producer)];
  if (slot.sum.defined()) return target(i);
  slot = {dy, true};
  return {dy, false};
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
