// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/contrastive.h"

#include <array>
#include <utility>
#include <vector>

#include "mellow/engine/ops/join.h"
#include "mellow/kernels/cpu/contrastive_rows.h"
#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/parallel.h"
#include "mellow/kernels/cpu/product.h"
#include "mellow/kernels/cpu/scratch.h"

namespace mellow {
namespace {

// One level of the pyramid: both views [batch, length, dims] and, when wanted, their gradients so far.
template <class T>
struct Level {
  int64_t batch, length, dims;
  const T* z[2];
  T* g[2];
};

// One term of one level. Anchors compete within groups: of one time step over the batch (instance) or of one
// series over time (temporal). A group's rows are `half` of the first view, then `half` of the second; the
// positive of a row is its twin in the other view.
template <class T>
struct Term {
  const Level<T>& level;
  int64_t groups, half, group_stride, row_stride;
  double weight;  // of one anchor
  int64_t rows() const { return 2 * half; }
  int64_t twin(int64_t row) const { return row < half ? row + half : row - half; }
  int64_t offset(int64_t group, int64_t row) const { return group * group_stride + row % half * row_stride; }
};

template <class T>
Term<T> instance_term(const Level<T>& l, double weight) {
  const double anchors = 2.0 * static_cast<double>(l.batch * l.length);
  return {l, l.length, l.batch, l.dims, l.length * l.dims, weight / anchors};
}
template <class T>
Term<T> temporal_term(const Level<T>& l, double weight) {
  const double anchors = 2.0 * static_cast<double>(l.batch * l.length);
  return {l, l.batch, l.length, l.length * l.dims, l.dims, weight / anchors};
}

// A group's similarities are worked on in panels of this many rows; up to `whole_rows` one panel holds them
// all, and they are computed once instead of once for the sums and once for the gradients.
constexpr int64_t panel_rows = 128, whole_rows = 1024;

template <class T>
class TermKernel {
 public:
  TermKernel(Cpu& cpu, Context& context, const Term<T>& term)
      : term_(term),
        rows_(term.rows()),
        panel_(rows_ <= panel_rows || (rows_ <= whole_rows && term.groups >= cpu.threads()) ? rows_
                                                                                            : panel_rows),
        panels_((rows_ + panel_ - 1) / panel_),
        split_(cpu::split(cpu, term.groups * panels_, 1 + 20000 / (panel_ * rows_))),
        floats_(rows_ * dims() + panel_ * rows_ + panel_ * dims()),
        room_(Tensor::empty(context, {split_.parts, floats_}, dtype_of<T>)),
        log_sum_(Tensor::empty(context, {term.groups, rows_}, dtype_of<T>)),
        losses_(Tensor::empty(context, {term.groups, rows_}, DType::f64)),
        bytes_(std::max(cpu::strict_product_workspace(similarities(room(0), 0, panel_)),
                        cpu::strict_product_workspace(gradients(room(0), panel_)))),
        workspace_(cpu, bytes_ * static_cast<size_t>(split_.parts)) {}

  // The term's value; its gradients are added to the level's.
  double run() {
    const bool wanted = term_.level.g[0] != nullptr;
    const bool together = panels_ == 1;
    walk([&](const Room& r, int64_t group, int64_t first, int64_t count) {
      if (together)
        all_similarities(r);
      else
        cpu::strict_product(similarities(r, first, count), r.workspace, bytes_);
      sum_up(r, group, first, count);
      if (wanted && together) add_gradients(r, group, first, count);
    });
    if (wanted && !together)
      walk([&](const Room& r, int64_t group, int64_t first, int64_t count) {
        cpu::strict_product(similarities(r, first, count), r.workspace, bytes_);
        add_gradients(r, group, first, count);
      });
    const auto* loss = losses_.template data<double>();
    double sum = 0;
    for (int64_t i = 0; i < term_.groups * rows_; ++i) sum += loss[i];
    return sum * term_.weight;
  }

 private:
  struct Room {  // of one thread
    T *rows, *panel, *gradient;
    void* workspace;
  };

  int64_t dims() const { return term_.level.dims; }
  Room room(int part) const {
    T* base = room_.template data<T>() + part * floats_;
    return {base, base + rows_ * dims(), base + rows_ * dims() + panel_ * rows_, nullptr};
  }

  // Calls f(room, group, first row, rows) for every panel of every group, with the group's rows gathered.
  template <class F>
  void walk(F&& f) {
    cpu::for_parts(split_, [&](int part, int64_t begin, int64_t end) {
      Room r = room(part);
      r.workspace = static_cast<std::byte*>(workspace_.data()) + static_cast<size_t>(part) * bytes_;
      int64_t gathered = -1;
      for (int64_t item = begin; item < end; ++item) {
        const int64_t group = item / panels_, first = item % panels_ * panel_;
        if (group != gathered) gather(group, r.rows);
        gathered = group;
        f(r, group, first, std::min(panel_, rows_ - first));
      }
    });
  }

  void gather(int64_t group, T* rows) const {
    for (int64_t i = 0; i < rows_; ++i)
      std::copy_n(term_.level.z[i < term_.half ? 0 : 1] + term_.offset(group, i), dims(), rows + i * dims());
  }

  cpu::Gemm<T> similarities(const Room& r, int64_t first, int64_t count) const {
    return {.m = count,
            .n = rows_,
            .k = dims(),
            .a = r.rows + first * dims(),
            .lda = dims(),
            .b = r.rows,
            .ldb = dims(),
            .trans_b = true,
            .c = r.panel,
            .ldc = rows_};
  }
  cpu::Gemm<T> gradients(const Room& r, int64_t count) const {
    return {.m = count,
            .n = dims(),
            .k = rows_,
            .a = r.panel,
            .lda = rows_,
            .b = r.rows,
            .ldb = dims(),
            .c = r.gradient,
            .ldc = dims()};
  }

  // R Rᵀ whole: stripes of its upper half, each mirrored below the diagonal.
  void all_similarities(const Room& r) const {
    for (int64_t first = 0; first < rows_; first += panel_rows) {
      cpu::Gemm<T> stripe = similarities(r, first, std::min(panel_rows, rows_ - first));
      stripe.n = rows_ - first;
      stripe.b += first * dims();
      stripe.c += first * rows_ + first;
      cpu::strict_product(stripe, r.workspace, bytes_);
      mirror(r.panel, first, stripe.m);
    }
  }

  void mirror(T* s, int64_t first, int64_t count) const {
    constexpr int64_t block = 16;  // both sides of a block stay in the first-level cache
    for (int64_t j0 = first + count; j0 < rows_; j0 += block)
      for (int64_t i0 = first; i0 < first + count; i0 += block)
        for (int64_t j = j0; j < std::min(j0 + block, rows_); ++j)
          for (int64_t i = i0; i < std::min(i0 + block, first + count); ++i)
            s[j * rows_ + i] = s[i * rows_ + j];
  }

  void sum_up(const Room& r, int64_t group, int64_t first, int64_t count) const {
    T* log_sum = log_sum_.template data<T>() + group * rows_;
    auto* loss = losses_.template data<double>() + group * rows_;
    for (int64_t i = first; i < first + count; ++i) {
      const T* s = r.panel + (i - first) * rows_;
      const double total = cpu::log_sum_exp_except(s, rows_, i);
      log_sum[i] = static_cast<T>(total);
      loss[i] = total - static_cast<double>(s[term_.twin(i)]);
    }
  }

  // With S = R Rᵀ and dS the gradient of the similarities, dR = (dS + dSᵀ) R: the rows of dSᵀ follow from the
  // sums of the other anchors, so each panel writes only its own rows.
  void add_gradients(const Room& r, int64_t group, int64_t first, int64_t count) const {
    const T* log_sum = log_sum_.template data<T>() + group * rows_;
    const auto weight = static_cast<T>(term_.weight);
    for (int64_t i = first; i < first + count; ++i) {
      T* s = r.panel + (i - first) * rows_;
      cpu::both_ways(s, rows_, i, log_sum[i], log_sum, weight);
      s[term_.twin(i)] -= 2 * weight;
    }
    cpu::strict_product(gradients(r, count), r.workspace, bytes_);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t row = first + i;
      T* to = term_.level.g[row < term_.half ? 0 : 1] + term_.offset(group, row);
      const T* from = r.gradient + i * dims();
      for (int64_t c = 0; c < dims(); ++c) to[c] += from[c];
    }
  }

  const Term<T>& term_;
  int64_t rows_, panel_, panels_;
  cpu::Split split_;
  int64_t floats_;
  Tensor room_, log_sum_, losses_;
  size_t bytes_;
  cpu::Scratch workspace_;
};

// Halves the length: the larger of two neighbours, the first of equals. An odd last step is dropped.
template <class T>
void pool(const Cpu& cpu, const Level<T>& from, T* const to[2]) {
  const int64_t half = from.length / 2, dims = from.dims;
  cpu::parallel_for(cpu, 2 * from.batch * half, 1 + 16384 / (dims + 1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t view = i / (from.batch * half), series = i / half % from.batch, t = i % half;
      const T* a = from.z[view] + (series * from.length + 2 * t) * dims;
      T* y = to[view] + (series * half + t) * dims;
      for (int64_t c = 0; c < dims; ++c) y[c] = a[dims + c] > a[c] ? a[dims + c] : a[c];
    }
  });
}

// The gradient of a view's steps through the level above: each pair's goes to its larger step. An odd last
// step, and so the whole top level, gets zero.
template <class T>
void pool_backward(const Cpu& cpu, const Level<T>& to, int view, const T* pooled) {
  const int64_t half = to.length / 2, pairs = (to.length + 1) / 2, dims = to.dims;
  cpu::parallel_for(cpu, to.batch * pairs, 1 + 16384 / (dims + 1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t series = i / pairs, t = i % pairs;
      const int64_t at = (series * to.length + 2 * t) * dims;
      T* d = to.g[view] + at;
      if (t == half) {
        std::fill(d, d + dims, T{0});
        continue;
      }
      const T *a = to.z[view] + at, *g = pooled + (series * half + t) * dims;
      for (int64_t c = 0; c < dims; ++c) {
        const bool second = a[dims + c] > a[c];
        d[c] = second ? T{0} : g[c];
        d[dims + c] = second ? g[c] : T{0};
      }
    }
  });
}

Tensor dense(Cpu& cpu, const Tensor& x) {
  if (x.is_contiguous()) return x;
  Tensor copy = Tensor::empty(x.context(), x.shape(), x.dtype());
  copy_rows(cpu, x, copy);
  return copy;
}

using Views = std::array<Tensor, 2>;  // one shape

Tensor of_length(int64_t length, const Tensor& like) {
  return Tensor::empty(like.context(), {like.dim(0), length, like.dim(2)}, like.dtype());
}

template <class T>
Level<T> level_of(const Views& z) {
  return {z[0].dim(0), z[0].dim(1), z[0].dim(2), {z[0].data<T>(), z[1].data<T>()}, {}};
}

// The encodings of every level, finest first.
template <class T>
std::vector<Views> pyramid_of(const Cpu& cpu, const Tensor& z1, const Tensor& z2) {
  std::vector<Views> levels = {{z1, z2}};
  while (levels.back()[0].dim(1) > 1) {
    const Level<T> fine = level_of<T>(levels.back());
    const Views coarse = {of_length(fine.length / 2, z1), of_length(fine.length / 2, z1)};
    T* const to[] = {coarse[0].data<T>(), coarse[1].data<T>()};
    pool(cpu, fine, to);
    levels.push_back(coarse);
  }
  return levels;
}

// The loss; writes both gradients when they are wanted. From the coarsest level down and view by view, so
// that of what is above only the gradient of one view is left when the last takes memory.
template <class T>
double run_levels(Cpu& cpu, HierarchicalContrastive& op, const Tensor& z1, const Tensor& z2) {
  Context& context = z1.context();
  std::vector<Views> levels = pyramid_of<T>(cpu, z1, z2);
  const auto count = static_cast<double>(levels.size());
  Views gradients;  // of the level above, then of this one
  double loss = 0;
  for (; !levels.empty(); levels.pop_back()) {
    Level<T> l = level_of<T>(levels.back());
    for (int view = 0; op.wanted && view < 2; ++view) {
      const Tensor above = std::exchange(gradients[view], of_length(l.length, z1));
      l.g[view] = gradients[view].template data<T>();
      pool_backward<T>(cpu, l, view, above.defined() ? above.data<T>() : nullptr);
    }
    if (l.batch > 1) loss += TermKernel<T>(cpu, context, instance_term(l, op.options.alpha / count)).run();
    if (l.length > 1 && static_cast<int64_t>(levels.size()) > op.options.temporal_unit)
      loss += TermKernel<T>(cpu, context, temporal_term(l, (1 - op.options.alpha) / count)).run();
  }
  op.dz1 = gradients[0];
  op.dz2 = gradients[1];
  return loss;
}

}  // namespace

void HierarchicalContrastive::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  const Tensor z1 = dense(cpu, in[0]), z2 = dense(cpu, in[1]);
  cpu::for_float("hierarchical_contrastive", out.dtype(),
                 [&]<class T>() { *out.data<T>() = static_cast<T>(run_levels<T>(cpu, *this, z1, z2)); });
}

void HierarchicalContrastive::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  const Tensor dz[] = {dz1, dz2};
  cpu::for_float("hierarchical_contrastive", dy.dtype(), [&]<class T>() {
    const T up = *dy.data<T>();
    for (int i = 0; i < 2; ++i) {
      if (!gradients.wanted(i)) continue;
      T* g = dz[i].data<T>();
      if (up != T{1})
        cpu::parallel_for(cpu, dz[i].count(), 65536, [&](int64_t begin, int64_t end) {
          for (int64_t k = begin; k < end; ++k) g[k] *= up;
        });
      gradients.share(i, dz[i], true);
    }
  });
}

}  // namespace mellow
