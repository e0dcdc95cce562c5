// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/conv1d_branches.h"

#include "mellow/engine/internal/apply.h"

namespace mellow {
namespace {

// The CPU runs one branch after the other: each fills the machine.
void forward_together(Cpu& cpu, std::span<Conv1d> branches, std::span<const Tensor> y) {
  for (size_t i = 0; i < branches.size(); ++i) {
    const Tensor in[] = {branches[i].x, branches[i].weight};
    branches[i].forward(cpu, in, y[i]);
  }
}

void weight_gradients_together(Cpu& cpu, std::span<const Conv1d> branches, std::span<const Tensor> dy,
                               std::span<const Gradients::Target> dw) {
  for (size_t i = 0; i < branches.size(); ++i) branches[i].weight_gradients(cpu, dy[i], {dw[i], {}});
}

void data_gradient_together(Cpu& cpu, std::span<const Conv1d> branches, std::span<const Tensor> dy,
                            const Gradients::Target& dx) {
  for (size_t i = branches.size(); i-- > 0;)  // the last first, as an op for each would
    branches[i].data_gradient(cpu, dy[i], {dx.place, dx.add || i + 1 < branches.size()});
}

// The channels of y that belong to each branch.
std::vector<Tensor> parts_of(const Tensor& y, std::span<const Conv1d> branches) {
  std::vector<Tensor> parts;
  int64_t from = 0;
  for (const Conv1d& branch : branches) {
    const int64_t to = from + branch.weight.dim(0);
    parts.push_back(y.window(-1, from, to));
    from = to;
  }
  return parts;
}

}  // namespace

Tensor conv1d_branches(const Tensor& x, std::span<const Tensor> weights,
                       std::span<const Conv1dOptions> options, const Tensor& place) {
  check_rank("conv1d_branches", x, 3, "x [batch, length, channels]");
  MELLOW_CHECK(!weights.empty() && weights.size() == options.size(), "[conv1d_branches] ", weights.size(),
               " weights and ", options.size(), " options: there must be as many of both, at least one");
  Conv1dBranches op;
  std::vector<Tensor> in = {x};
  Shape shape;
  for (size_t i = 0; i < weights.size(); ++i) {
    check_together("conv1d_branches", x, weights[i]);
    const Shape of_branch = conv1d_shape(x.shape(), weights[i], {}, options[i]);
    MELLOW_CHECK(i == 0 || of_branch[1] == shape[1], "[conv1d_branches] branch ", i, " gives ", of_branch[1],
                 " steps, the first ", shape[1]);
    if (i == 0)
      shape = of_branch;
    else
      shape[2] += of_branch[2];
    op.branches.push_back({options[i], {}, {}, false});
    in.push_back(weights[i]);
  }
  return internal::apply_into(std::move(op), in, internal::output_at(place, "conv1d_branches", shape, x));
}

template <class Backend>
void Conv1dBranches::forward(Backend& device, std::span<const Tensor> in, const Tensor& out) {
  for (size_t i = 0; i < branches.size(); ++i) {
    branches[i].x = in[0];
    branches[i].weight = in[i + 1];
  }
  forward_together(device, branches, parts_of(out, branches));
}

template <class Backend>
void Conv1dBranches::backward(Backend& device, const Tensor& dy, Gradients& gradients) {
  const std::vector<Tensor> of_branch = parts_of(dy, branches);
  std::vector<Gradients::Target> dw(branches.size());
  for (size_t i = 0; i < branches.size(); ++i)
    if (const int input = static_cast<int>(i) + 1; gradients.wanted(input)) dw[i] = gradients.target(input);
  weight_gradients_together(device, branches, of_branch, dw);
  for (Conv1d& branch : branches) branch.x = Tensor();  // whose memory may serve dx
  if (gradients.wanted(0)) data_gradient_together(device, branches, of_branch, gradients.target(0));
}

}  // namespace mellow
