// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>

// Runs CUDA kernels on the host, one fiber per thread, so that the sources in kernels/cuda are executed and
// checked on machines without a GPU. Blocks run one after another. What a GPU leaves open is varied by
// `order`: blocks and the threads between two barriers run in another sequence for each value, so that a race
// changes the result.
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
// barriers, or some wait while others have returned.
void run_grid(Index grid, Index block, const std::function<void()>& thread);

// Waits for all threads of the block; `line` names the barrier.
void block_barrier(int line);

// Exchanges 8 bytes between the 32 lanes of a warp: each lane gives `value` and receives that of lane `from`
// (from >= 32 or a lane that does not exist: its own).
uint64_t exchange(uint64_t value, int from, int line);

}  // namespace mellow::emulation
