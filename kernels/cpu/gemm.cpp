// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/gemm.h"

#include <type_traits>

#include <omp.h>

#include "mellow/engine/core/error.h"
#include "mellow/kernels/cpu/window_product.h"

namespace mellow::cpu {
namespace {

template <class T>
void check(const Gemm<T>& g, const KernelOptions& options) {
  MELLOW_CHECK(g.m >= 0 && g.n >= 0 && g.k >= 0 && g.batch >= 0, "[gemm] negative size: m ", g.m, ", n ", g.n,
               ", k ", g.k, ", batch ", g.batch);
  MELLOW_CHECK(g.lda >= (g.trans_a ? g.m : g.k) && g.ldb >= (g.trans_b ? g.k : g.n) && g.ldc >= g.n,
               "[gemm] row strides ", g.lda, ", ", g.ldb, " and ", g.ldc, " are below the columns for m ",
               g.m, ", n ", g.n, ", k ", g.k);
  check_options(options, std::is_same_v<T, float>, "gemm");
}

// Products [begin, begin + batch) that share one B: a window of one tap, with the batch as samples.
template <class T>
Window<T> window_of(const Gemm<T>& g, int64_t begin, int64_t batch) {
  return {.batch = batch,
          .rows = g.m,
          .taps = 1,
          .depth = g.k,
          .columns = g.n,
          .x = g.a + begin * g.a_batch,
          .length = g.m,
          .x_row = g.lda,
          .x_batch = g.a_batch,
          .x_transposed = g.trans_a,
          .w = g.b + begin * g.b_batch,
          .w_tap = 0,
          .w_depth = g.trans_b ? 1 : g.ldb,
          .w_column = g.trans_b ? g.ldb : 1,
          .y = g.c + begin * g.c_batch,
          .y_row = g.ldc,
          .y_batch = g.c_batch,
          .accumulate = g.accumulate};
}

// With a B for each product, whole products are dealt out to the threads, unless there are fewer products
// than threads.
template <class T>
struct Plan {
  bool is_shared, is_dealt = false;
  KernelOptions inner;  // of one product
  int threads;
  size_t bytes;  // of one product

  Plan(const Gemm<T>& g, const KernelOptions& options)
      : is_shared(g.b_batch == 0 || g.batch <= 1),
        inner(with_threads_for(double(g.m) * double(g.n) * double(g.k) * double(g.batch), options)),
        threads(inner.threads) {
    is_dealt = !is_shared && g.batch >= threads;
    if (is_dealt) inner.threads = 1;
    Arena arena;
    window_product(window_of(g, 0, is_shared ? g.batch : 1), inner, arena);
    bytes = arena.used();
  }
};

}  // namespace

template <class T>
size_t gemm_workspace(const Gemm<T>& product, const KernelOptions& options) {
  check(product, options);
  const Plan<T> plan(product, options);
  return plan.bytes * (plan.is_dealt ? plan.threads : 1);
}

template <class T>
void gemm(const Gemm<T>& product, const KernelOptions& options) {
  check_workspace(options, gemm_workspace(product, options), "gemm");
  const Plan<T> plan(product, options);
  if (plan.is_shared) {
    Arena arena(options.workspace);
    return window_product(window_of(product, 0, product.batch), plan.inner, arena);
  }
#pragma omp parallel for num_threads(plan.threads) schedule(static) if (plan.is_dealt && plan.threads > 1)
  for (int64_t i = 0; i < product.batch; ++i) {
    const int thread = plan.is_dealt ? omp_get_thread_num() : 0;
    Arena arena(static_cast<std::byte*>(options.workspace) + static_cast<size_t>(thread) * plan.bytes);
    window_product(window_of(product, i, 1), plan.inner, arena);
  }
}

template size_t gemm_workspace(const Gemm<float>&, const KernelOptions&);
template size_t gemm_workspace(const Gemm<double>&, const KernelOptions&);
template void gemm(const Gemm<float>&, const KernelOptions&);
template void gemm(const Gemm<double>&, const KernelOptions&);

}  // namespace mellow::cpu
