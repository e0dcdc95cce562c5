// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/soft_label_loss.h"

#include <cmath>

#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/parallel.h"
#include "mellow/kernels/relaxed_label.h"

namespace mellow {
namespace {

struct RowLoss {  // of one sample, or summed over samples
  double loss = 0, ce = 0, kl = 0, hit = 0;
  void operator+=(const RowLoss& o) { loss += o.loss, ce += o.ce, kl += o.kl, hit += o.hit; }
};
static_assert(sizeof(RowLoss) == soft_label_totals * sizeof(double));

// Which row of a soft label table belongs to a sample; nullptr stands for the one-hot label.
template <class T>
const T* table_row(const SoftLabels& q, int64_t sample, int64_t label, int64_t classes) {
  return q.table.defined() ? q.table.data<T>() + (q.per_sample ? sample : label) * classes : nullptr;
}

template <class T>
double share(const T* q, int64_t label, int64_t c) {
  return q != nullptr ? static_cast<double>(q[c]) : (c == label ? 1.0 : 0.0);
}

// log softmax(z / tau) into log_p. The shift by the largest logit keeps every exponent at or below 0.
template <class T>
void log_softmax_row(const T* z, int64_t classes, double top, double tau, double* log_p) {
  double sum = 0;
  for (int64_t c = 0; c < classes; ++c) {
    log_p[c] = (static_cast<double>(z[c]) - top) / tau;
    sum += std::exp(log_p[c]);
  }
  const double log_sum = std::log(sum);
  for (int64_t c = 0; c < classes; ++c) log_p[c] -= log_sum;
}

// KL(r ‖ p) for the relaxed label r, which is given back.
RelaxedLabel<double> relax(const double* log_p, int64_t classes, int64_t label, double alpha,
                           double& divergence) {
  double rest = 0;
  for (int64_t c = 0; c < classes; ++c)
    if (c != label) rest += std::exp(log_p[c]);
  const auto r = relaxed_label(std::exp(log_p[label]), rest, alpha);
  divergence = r.inside ? 0
                        : (1 - alpha) * (std::log(1 - alpha) - log_p[label]) +
                              alpha * (std::log(alpha) - std::log(rest));
  return r;
}

// Value and gradient of one sample, all in double. `log_p` and `log_p_tau` are room for a row each;
// `gradient` may be null.
template <class T>
RowLoss row_loss(const SoftLabelWeights& w, const T* z, int64_t classes, int64_t label, const T* q1,
                 const T* q2, double scale, double* log_p, double* log_p_tau, T* gradient) {
  const int64_t largest = std::max_element(z, z + classes) - z;  // the first of equals
  const auto top = static_cast<double>(z[largest]);
  log_softmax_row(z, classes, top, 1.0, log_p);
  if (w.kl != 0) log_softmax_row(z, classes, top, w.tau, log_p_tau);
  RowLoss row{0, 0, 0, largest == label ? 1.0 : 0.0};
  double entropy = 0;
  for (int64_t c = 0; c < classes; ++c) {
    if (w.relaxation == 0) row.ce -= share(q1, label, c) * log_p[c];
    if (w.entropy != 0) entropy -= std::exp(log_p[c]) * log_p[c];
    if (const double q = w.kl != 0 ? share(q2, label, c) : 0; q > 0)
      row.kl += q * (std::log(q) - log_p_tau[c]);
  }
  RelaxedLabel<double> relaxed{};
  if (w.relaxation > 0) relaxed = relax(log_p, classes, label, w.relaxation, row.ce);
  row.loss = w.ce * row.ce + w.kl * row.kl - w.entropy * entropy;
  if (gradient == nullptr) return row;
  for (int64_t c = 0; c < classes; ++c) {
    const double p = std::exp(log_p[c]);
    const double q = w.relaxation == 0 ? share(q1, label, c) : c == label ? relaxed.own : relaxed.others * p;
    double g = w.ce * (p - q) + w.entropy * p * (log_p[c] + entropy);
    if (w.kl != 0) g += w.kl / w.tau * (std::exp(log_p_tau[c]) - share(q2, label, c));
    gradient[c] = static_cast<T>(scale * g);
  }
  return row;
}

// Rows outside the table would be read from anywhere: the GPU trusts its caller, the CPU looks.
void check_labels(const SoftLabelTargets& t, int64_t batch, int64_t classes) {
  const auto* labels = t.labels.data<int32_t>();
  const int32_t* index = t.index.defined() ? t.index.data<int32_t>() : nullptr;
  for (int64_t i = 0; i < batch; ++i) {
    const int64_t sample = index != nullptr ? index[i] : i;
    MELLOW_CHECK(sample >= 0 && sample < t.labels.dim(0), "[soft_label_loss] index[", i, "] is ", sample,
                 ", there are ", t.labels.dim(0), " samples");
    MELLOW_CHECK(labels[sample] >= 0 && labels[sample] < classes, "[soft_label_loss] sample ", sample,
                 " has label ", labels[sample], ", the logits have ", classes, " classes");
  }
}

}  // namespace

void SoftLabelLoss::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  const Tensor& logits = in[0];
  const cpu::Rows rows = cpu::rows_of("soft_label_loss", logits);
  check_labels(targets, rows.count, rows.width);
  Context& context = logits.context();
  if (wanted) gradient = Tensor::empty(context, logits.shape(), logits.dtype());
  const Tensor parts = Tensor::empty(context, {rows.count, soft_label_totals}, DType::f64);
  const cpu::Split split = cpu::split(cpu, rows.count, 1 + 1024 / rows.width);
  const Tensor room = Tensor::empty(context, {split.parts, 2, rows.width}, DType::f64);
  auto* part = reinterpret_cast<RowLoss*>(parts.data<double>());
  auto* spare = room.data<double>();
  const auto* labels = targets.labels.data<int32_t>();
  const int32_t* index = targets.index.defined() ? targets.index.data<int32_t>() : nullptr;
  RowLoss sum;
  cpu::for_float("soft_label_loss", logits.dtype(), [&]<class T>() {
    const T* z = logits.data<T>();
    T* g = wanted ? gradient.data<T>() : nullptr;
    cpu::for_parts(split, [&](int which, int64_t begin, int64_t end) {
      double* log_p = spare + which * 2 * rows.width;
      for (int64_t i = begin; i < end; ++i) {
        const int64_t sample = index != nullptr ? index[i] : i, label = labels[sample];
        const RowLoss row = row_loss(weights, z + i * rows.stride, rows.width, label,
                                     table_row<T>(targets.q1, sample, label, rows.width),
                                     table_row<T>(targets.q2, sample, label, rows.width),
                                     1.0 / static_cast<double>(rows.count), log_p, log_p + rows.width,
                                     g != nullptr ? g + i * rows.width : nullptr);
        part[i] = row;
      }
    });
    // Added in the order of the rows: the same sum for every thread count.
    for (int64_t i = 0; i < rows.count; ++i) sum += part[i];
    *out.data<T>() = static_cast<T>(sum.loss / static_cast<double>(rows.count));
  });
  if (totals.defined()) *reinterpret_cast<RowLoss*>(totals.data<double>()) += sum;
}

void SoftLabelLoss::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  const auto [dx, add] = gradients.target(0);
  const cpu::Rows to = cpu::rows_of("soft_label_loss", dx);
  cpu::for_float("soft_label_loss", dy.dtype(), [&, &place = dx, adds = add]<class T>() {
    const T up = *dy.data<T>();
    const T* g = gradient.data<T>();
    T* d = place.template data<T>();
    cpu::parallel_for(cpu, to.count, 1 + 16384 / (to.width + 1), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        for (int64_t c = 0; c < to.width; ++c) {
          T& place_of = d[i * to.stride + c];
          const T v = up * g[i * to.width + c];
          place_of = adds ? place_of + v : v;
        }
    });
  });
}

}  // namespace mellow
