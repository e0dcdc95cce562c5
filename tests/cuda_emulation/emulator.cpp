// SPDX-License-Identifier: MIT
#include "mellow/tests/cuda_emulation/emulator.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include <ucontext.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#include "mellow/engine/core/error.h"
#include "mellow/engine/core/random.h"
#include "mellow/tests/cuda_emulation/runtime.h"

// Bounds of the section that holds all __shared__ variables, made by the linker.
extern char __start_mellow_shared[], __stop_mellow_shared[];

namespace mellow::emulation {

Position position;

namespace {

constexpr size_t stack_bytes = 128 * 1024;
constexpr int lanes = 32;

enum class Wait { none, block, warp, done };

struct Fiber {
  ucontext_t context;
  std::unique_ptr<std::array<char, stack_bytes>> stack = std::make_unique<std::array<char, stack_bytes>>();
  void* fake_stack = nullptr;
  Index at;
  Wait wait = Wait::none;
  int line = 0;
};

struct Warp {
  std::array<uint64_t, lanes> values[2];
  std::array<LaneWords, lanes> words[2];
};

// What CUDA grants a block at most (compute capability 9.0, with opt-in).
constexpr size_t most_shared_bytes = 227 * 1024;

struct Block {
  std::vector<Fiber> fibers;  // at least as many as threads; kept for the next launch
  std::vector<Warp> warps;
  std::vector<uint8_t> turn;             // per thread: which half of its warp's slots the next exchange uses
  std::unique_ptr<std::byte[]> dynamic;  // of its exact size, so that AddressSanitizer sees what leaves it
  size_t dynamic_bytes = 0;
  size_t threads = 0, current = 0;
  ucontext_t scheduler;
  void* scheduler_fake_stack = nullptr;
  const void* scheduler_stack = nullptr;
  size_t scheduler_stack_bytes = 0;
  const std::function<void()>* body = nullptr;
};

Block block_state;
uint64_t thread_order = 0;

// AddressSanitizer must know on which stack the program runs.
void before_switch([[maybe_unused]] void** save, [[maybe_unused]] const void* to,
                   [[maybe_unused]] size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(save, to, bytes);
#endif
}
void after_switch([[maybe_unused]] void* saved, [[maybe_unused]] const void** from,
                  [[maybe_unused]] size_t* bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(saved, from, bytes);
#endif
}

void enter_scheduler(bool last) {
  Block& b = block_state;
  Fiber& f = b.fibers[b.current];
  before_switch(last ? nullptr : &f.fake_stack, b.scheduler_stack, b.scheduler_stack_bytes);
  swapcontext(&f.context, &b.scheduler);
  after_switch(f.fake_stack, nullptr, nullptr);
}

void fiber_main() {
  Block& b = block_state;
  after_switch(nullptr, &b.scheduler_stack, &b.scheduler_stack_bytes);
  (*b.body)();
  b.fibers[b.current].wait = Wait::done;
  enter_scheduler(true);
}

void resume(size_t i) {
  Block& b = block_state;
  Fiber& f = b.fibers[i];
  b.current = i;
  position.thread_at = f.at;
  before_switch(&b.scheduler_fake_stack, f.stack->data(), stack_bytes);
  swapcontext(&b.scheduler, &f.context);
  after_switch(b.scheduler_fake_stack, nullptr, nullptr);
}

void start(size_t i, Index size) {
  Fiber& f = block_state.fibers[i];
  const auto n = static_cast<unsigned>(i);
  f.at = {n % size.x, n / size.x % size.y, n / size.x / size.y};
  f.wait = Wait::none;
  f.fake_stack = nullptr;
  getcontext(&f.context);
  f.context.uc_stack.ss_sp = f.stack->data();
  f.context.uc_stack.ss_size = stack_bytes;
  f.context.uc_link = nullptr;
  makecontext(&f.context, fiber_main, 0);
}

// A permutation of 0 … n-1 for this order; the identity for order 0.
std::vector<size_t> sequence(size_t n, uint64_t salt) {
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  if (thread_order == 0) return order;
  for (size_t i = n; i > 1; --i) {
    const auto words = random_words(thread_order, RandomStream::test, salt, i);
    std::swap(order[i - 1], order[below(i, words[0], words[1])]);
  }
  return order;
}

// True when all of [first, last) wait for `kind` at one line. Threads that have returned do not count at a
// warp exchange only if the whole warp has: an early return before a barrier is an error.
bool all_wait(size_t first, size_t last, Wait kind) {
  const auto& fibers = block_state.fibers;
  for (size_t i = first; i < last; ++i)
    if (fibers[i].wait != kind || fibers[i].line != fibers[first].line) return false;
  return true;
}

void release(size_t first, size_t last) {
  for (size_t i = first; i < last; ++i) block_state.fibers[i].wait = Wait::none;
}

[[noreturn]] void report_deadlock() {
  const Block& b = block_state;
  size_t at_block = 0, at_warp = 0, done = 0;
  int lowest = 1 << 30, highest = 0;
  for (size_t i = 0; i < b.threads; ++i) {
    const Fiber& f = b.fibers[i];
    at_block += f.wait == Wait::block;
    at_warp += f.wait == Wait::warp;
    done += f.wait == Wait::done;
    if (f.wait == Wait::done) continue;
    lowest = std::min(lowest, f.line);
    highest = std::max(highest, f.line);
  }
  throw Error(text("[emulation] threads of a block parted: ", at_block, " wait for the block, ", at_warp,
                   " for their warp, ", done, " have returned; barriers at lines ", lowest, " to ", highest));
}

// Runs those of [first, last) that wait for nothing; false when there are none.
bool run_threads(size_t first, size_t last, uint64_t salt) {
  const auto& fibers = block_state.fibers;
  const auto runs = [&](size_t i) { return fibers[i].wait == Wait::none; };
  size_t next = first;
  while (next < last && !runs(next)) ++next;
  if (next == last) return false;
  for (const size_t i : sequence(last - first, salt))
    if (runs(first + i)) resume(first + i);
  return true;
}

// Odd orders let one warp run as far as it can before the next, even ones all threads as far as they can.
bool run_some(const std::vector<size_t>& warps, uint64_t salt) {
  const size_t threads = block_state.threads;
  if (thread_order % 2 == 0) return run_threads(0, threads, salt);
  return std::any_of(warps.begin(), warps.end(), [&](size_t warp) {
    return run_threads(warp * lanes, std::min((warp + 1) * lanes, threads), salt);
  });
}

void run_block(Index size, uint64_t salt) {
  Block& b = block_state;
  std::memset(__start_mellow_shared, 0xFF, static_cast<size_t>(__stop_mellow_shared - __start_mellow_shared));
  std::memset(b.dynamic.get(), 0xFF, b.dynamic_bytes);
  for (size_t i = 0; i < b.threads; ++i) start(i, size);
  std::fill(b.turn.begin(), b.turn.end(), uint8_t{0});
  const std::vector<size_t> warps = sequence((b.threads + lanes - 1) / lanes, salt << 20);
  for (uint64_t phase = 0;; ++phase) {
    bool moved = run_some(warps, (salt << 20) + phase);
    for (size_t first = 0; first < b.threads; first += lanes)
      if (const size_t last = std::min(first + lanes, b.threads); all_wait(first, last, Wait::warp)) {
        release(first, last);
        moved = true;
      }
    if (all_wait(0, b.threads, Wait::block)) {
      release(0, b.threads);
      moved = true;
    }
    if (moved) continue;
    for (size_t i = 0; i < b.threads; ++i)
      if (b.fibers[i].wait != Wait::done) report_deadlock();
    return;
  }
}

}  // namespace

void set_order(uint64_t order) { thread_order = order; }

void run_grid(Index grid, Index block, size_t shared_bytes, const std::function<void()>& thread) {
  Block& b = block_state;
  clock += 1;
  MELLOW_CHECK(shared_bytes <= most_shared_bytes, "[emulation] no GPU gives a block ", shared_bytes,
               " bytes of shared memory");
  b.dynamic = std::make_unique<std::byte[]>(shared_bytes);
  b.dynamic_bytes = shared_bytes;
  b.threads = size_t{block.x} * block.y * block.z;
  MELLOW_CHECK(b.threads >= 1 && b.threads <= 1024 && block.z <= 64,
               "[emulation] a block has 1 … 1024 threads, got ", b.threads);
  MELLOW_CHECK(
      grid.x >= 1 && grid.x <= 0x7FFFFFFF && grid.y >= 1 && grid.y <= 65535 && grid.z >= 1 && grid.z <= 65535,
      "[emulation] no GPU takes a grid of ", grid.x, " x ", grid.y, " x ", grid.z);
  if (b.fibers.size() < b.threads) b.fibers.resize(b.threads);
  b.warps.resize((b.threads + lanes - 1) / lanes);
  b.turn.resize(b.threads);
  b.body = &thread;
  position.grid = grid;
  position.block = block;
  const size_t blocks = size_t{grid.x} * grid.y * grid.z;
  for (const size_t i : sequence(blocks, 0)) {
    const auto n = static_cast<unsigned>(i);
    position.block_at = {n % grid.x, n / grid.x % grid.y, n / grid.x / grid.y};
    run_block(block, i + 1);
  }
}

void block_barrier(int line) {
  Fiber& f = block_state.fibers[block_state.current];
  f.wait = Wait::block;
  f.line = line;
  enter_scheduler(false);
}

namespace {

// Puts this thread's value into its slot, waits for its warp and gives all lanes' slots.
template <class T>
const std::array<T, lanes>& meet(std::array<T, lanes> (Warp::*halves)[2], const T& value, int line) {
  Block& b = block_state;
  const size_t me = b.current;
  Fiber& f = b.fibers[me];
  auto& slots = (b.warps[me / lanes].*halves)[b.turn[me] ^= 1];
  slots[me % lanes] = value;
  f.wait = Wait::warp;
  f.line = line;
  enter_scheduler(false);
  return slots;
}

}  // namespace

uint64_t exchange(uint64_t value, int from, int line) {
  const size_t me = block_state.current;
  const auto& slots = meet(&Warp::values, value, line);
  const size_t wanted = me / lanes * lanes + static_cast<size_t>(from);
  return from >= 0 && from < lanes && wanted < block_state.threads ? slots[static_cast<size_t>(from)] : value;
}

const LaneWords* share(const LaneWords& words, int line) { return meet(&Warp::words, words, line).data(); }

void* dynamic_shared() { return block_state.dynamic.get(); }

}  // namespace mellow::emulation
