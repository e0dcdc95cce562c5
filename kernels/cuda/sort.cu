// SPDX-License-Identifier: MIT
#include <limits>

#include <cub/device/device_radix_sort.cuh>

#include "mellow/kernels/cuda/sort.h"
#include "mellow/kernels/cuda/state.h"

namespace mellow::cuda {

// A radix sort is stable, and asks for its scratch memory instead of allocating it.
void sort_by_key(Cuda& cuda, uint64_t* keys, const int32_t* values, int32_t* sorted, int64_t n) {
  MELLOW_CHECK(n <= std::numeric_limits<int32_t>::max(), "[sort] ", n, " values, int32 numbers at most ",
               std::numeric_limits<int32_t>::max());
  const CudaState& state = cuda.state();
  state.make_current();
  const int count = static_cast<int>(n);
  const Scratch sorted_keys(cuda, static_cast<size_t>(n) * sizeof(uint64_t));
  size_t bytes = 0;
  const auto sort = [&](void* room) {
    CUDA_CHECK(cub::DeviceRadixSort::SortPairs(room, bytes, keys, sorted_keys.data<uint64_t>(), values,
                                               sorted, count, 0, 64, state.stream));
  };
  sort(nullptr);  // only fills in `bytes`
  const Scratch room(cuda, bytes);
  sort(room.data<void>());
}

}  // namespace mellow::cuda
