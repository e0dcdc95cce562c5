// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

// Runs CUDA kernels on the host, one fiber per thread, so that the sources in kernels/cuda are executed and
// checked on machines without a GPU. Blocks run one after another. What a GPU leaves open is varied by
// `order`: blocks, warps and the threads between two barriers run in another sequence for each value, so that
// a race changes the result. With odd values one warp runs ahead of the others as far as barriers let it.
namespace mellow::emulation {

struct Index {
  unsigned x = 1, y = 1, z = 1;
};

// What the running thread sees as gridDim, blockDim, blockIdx and threadIdx.
struct Position {
  Index grid, block, block_at, thread_at;
};
extern Position position;

// Sequence in which the following launches run blocks and threads; 0 is ascending.
void set_order(uint64_t order);

// Runs `thread` once for every thread of the grid. Throws Error when threads of a block wait at different
// barriers, or some wait while others have returned. Each block has `shared_bytes` of dynamic shared memory.
void run_grid(Index grid, Index block, size_t shared_bytes, const std::function<void()>& thread);

// The running block's dynamic shared memory: filled with NaN before the block runs, 16-byte aligned.
void* dynamic_shared();

// What libraries.cpp does in cuDNN's place: nothing (plans stay away), or convolutions by the direct kernels
// that take so many milliseconds.
struct FakeCudnn {
  bool has_plans = false;
  float milliseconds = 0;
  int runs = 0;
  bool plain_only = false;  // no plan for windows, sums into what is there or padding of two widths
};
extern FakeCudnn cudnn;

// Waits for all threads of the block; `line` names the barrier.
void block_barrier(int line);

// Exchanges 8 bytes between the 32 lanes of a warp: each lane gives `value` and receives that of lane `from`
// (from >= 32 or a lane that does not exist: its own).
uint64_t exchange(uint64_t value, int from, int line);

// Each lane of a warp gives some words; all see those of every lane, until they share or exchange the next
// but one.
using LaneWords = std::array<uint32_t, 6>;
const LaneWords* share(const LaneWords& words, int line);

}  // namespace mellow::emulation
