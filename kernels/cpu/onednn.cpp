// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/onednn.h"

#include <limits>

#include <dnnl.h>
#include <omp.h>

namespace mellow::cpu {
namespace {

// oneDNN splits a product by the threads that OpenMP names and loses the parts of those that do not come. So
// it gets one where OMP_THREAD_LIMIT may keep some away, and OMP_DYNAMIC is off meanwhile.
class ThreadCount {
 public:
  explicit ThreadCount(int threads) : before_(omp_get_max_threads()), dynamic_(omp_get_dynamic()) {
    const bool limited = omp_get_thread_limit() != std::numeric_limits<int>::max();
    omp_set_num_threads(limited ? 1 : threads);
    omp_set_dynamic(0);
  }
  ~ThreadCount() {
    omp_set_num_threads(before_);
    omp_set_dynamic(dynamic_);
  }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_, dynamic_;
};

}  // namespace

bool onednn_sgemm(const Gemm<float>& g, int threads) {
  if (g.m == 0 || g.n == 0) return true;
  if (g.k == 0) return false;
  const ThreadCount scope(threads);
  for (int64_t i = 0; i < g.batch; ++i) {
    const dnnl_status_t status =
        dnnl_sgemm(g.trans_a ? 'T' : 'N', g.trans_b ? 'T' : 'N', g.m, g.n, g.k, 1.0f, g.a + i * g.a_batch,
                   g.lda, g.b + i * g.b_batch, g.ldb, g.accumulate ? 1.0f : 0.0f, g.c + i * g.c_batch, g.ldc);
    if (status != dnnl_success) return false;
  }
  return true;
}

}  // namespace mellow::cpu
