// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "mellow/engine/core/tensor.h"

namespace mellow {

class Tape;

// Where an op's backward puts the gradients of its inputs, by position.
class Gradients {
 public:
  // False when nobody needs the gradient of input i: the op then skips that work.
  bool wanted(int i) const;

  // A place for the gradient of input i. When `add` is set, `place` holds the sum so far and the op adds to
  // it; otherwise the op overwrites it. For kernels that can accumulate.
  struct Target {
    Tensor place;
    bool add;
  };
  Target target(int i);
  // target(i) for ops whose dx[k] depends on dy[k] and on no other element of dy: where nothing else reads
  // dy, dx takes its place.
  Target reuse(int i, const Tensor& dy);
  // A contiguous place to overwrite; the tape adds it to the sum so far. For kernels that cannot accumulate.
  Tensor fresh(int i);
  // Hands over an existing array, such as dy itself or a window of it. `exclusive` says that no other
  // gradient shares its elements, so that later gradients may be added to it in place.
  void share(int i, const Tensor& gradient, bool exclusive);
  // Whether dy itself is read by this op alone: only then may dy, or disjoint windows of it, be overwritten
  // or shared as exclusive.
  bool upstream_is_exclusive() const { return upstream_exclusive_; }
  // Whether the op's handle of an input that it kept is the last: then the op may write over the elements.
  static bool is_last_reader(const Tensor& kept);

 private:
  friend class Tape;
  Gradients(Tape& tape, int64_t node, bool upstream_exclusive)
      : tape_(tape), node_(node), upstream_exclusive_(upstream_exclusive) {}
  Tape& tape_;
  int64_t node_;
  bool upstream_exclusive_;
};

// One recorded op. Holds what its backward needs.
class Node {
 public:
  virtual ~Node() = default;
  virtual void backward(const Tensor& dy, Gradients& gradients) = 0;
  // Whether the op can write its output a second time; rebuild() does, with the bits that forward wrote.
  virtual bool can_rebuild() const = 0;
  virtual void rebuild(std::span<const Tensor> inputs, const Tensor& output) = 0;
};

// Records the ops of its context while it lives; without one, nothing is recorded and nothing is kept for
// backward. First order only. Recording stops during backward.
//
//   Tape tape(context);
//   Tensor loss = …;
//   tape.backward(loss);     // adds d loss / d p to p.grad() of every leaf that requires a gradient
class Tape {
 public:
  // What recompute_for_backward (engine/ops/recompute.h) does: less memory, or nothing.
  enum class Recompute { as_asked, never };
  explicit Tape(Context& context, Recompute recompute = Recompute::as_asked);
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // `loss` has one element and was made on this tape. Leaf gradients are added to, never overwritten: zero
  // them first. The tape is empty afterwards.
  void backward(const Tensor& loss);
  // The same from any tensor of the tape, with its upstream gradient.
  void backward(const Tensor& y, const Tensor& dy);

  // Lets go of the elements of y, which no later op of forward may read (views of y keep theirs). Before the
  // first backward that may read them the op that made y writes them again, from inputs that may have been
  // dropped too; where y is a join, the ops that wrote its parts do. Nothing happens when this tape did not
  // record y.
  void drop(const Tensor& y);

  // Used by engine/internal/apply.h.
  void record(std::unique_ptr<Node> node, std::span<const Tensor> inputs, const Tensor& output);
  static bool any_requires_grad(std::span<const Tensor> inputs);

 private:
  friend class Gradients;
  struct Edge {
    Tensor leaf;                        // set when a leaf wants its gradient
    std::weak_ptr<Tensor::Impl> input;  // itself: only drop() asks, while its caller still holds it
    Shape shape;
    DType dtype = DType::f32;
    int64_t producer = -1;  // node that made the input, or -1
    bool wanted = false;
    bool given = false;  // not an empty handle
  };
  struct Slot {  // the gradient of one node's output
    Tensor sum;
    bool exclusive = true;  // as its giver said; what was shared may become so: has_to_itself()
  };
  struct Dropped {
    std::weak_ptr<Tensor::Impl> output;  // lives as long as an op wants it for its backward
    size_t bytes = 0;
    std::vector<Tensor> inputs;  // what it is written again from
    bool joins = false;          // these are windows of the output, written by their own ops
    int64_t join = -1;           // the node that the output is such a window for, or -1
  };
  struct Entry {
    std::unique_ptr<Node> node;
    std::vector<Edge> inputs;
    std::vector<Tensor> pending;  // fresh() places waiting to be added
    Dropped dropped = {};
  };
  Entry& entry_of(int64_t node) { return entries_[static_cast<size_t>(node)]; }
  Dropped inputs_of(const Entry& entry, const Tensor& y) const;
  void restore_inputs(const Entry& entry);
  void restore(Entry& entry);
  void write_again(Entry& entry, const Tensor& y);
  void settle(Entry& entry);
  Tensor leaf_gradient(const Edge& edge);
  void add_to_slot(Slot& slot, const Tensor& gradient);
  static bool has_to_itself(const Slot& slot);
  static bool is_only_handle(const Tensor& x);

  Context& context_;
  Recompute recompute_;
  Tape* outer_;
  uint64_t serial_;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;
};

}  // namespace mellow
