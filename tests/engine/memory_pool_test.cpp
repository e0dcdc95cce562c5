// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/core/memory_pool.h"
#include "mellow/engine/core/tensor.h"

using namespace mellow;

namespace {

MemoryPool::System counted(int& live) {
  return {[&live](size_t bytes) {
            ++live;
            return std::malloc(bytes);
          },
          [&live](void* block) {
            --live;
            std::free(block);
          }};
}

}  // namespace

TEST_CASE("memory pool: size classes cover the request and waste little") {
  CHECK(MemoryPool::size_class(0) == 256);
  CHECK(MemoryPool::size_class(1) == 256);
  CHECK(MemoryPool::size_class(256) == 256);
  CHECK(MemoryPool::size_class(257) == 512);
  CHECK(MemoryPool::size_class(4096) == 4096);
  for (size_t bytes = 1; bytes < (size_t{1} << 40); bytes = bytes * 5 / 4 + 1) {
    const size_t size = MemoryPool::size_class(bytes);
    CHECK(size >= bytes);
    CHECK(size % 256 == 0);
    if (bytes > 4096) CHECK(size <= bytes + bytes / 8);
    CHECK(MemoryPool::size_class(size) == size);
  }
  CHECK_THROWS_AS(MemoryPool::size_class(std::numeric_limits<size_t>::max()), Error);
}

TEST_CASE("memory pool: a released block serves the next request of its class") {
  int live = 0;
  {
    MemoryPool pool(counted(live), 0);
    void* a = pool.allocate(1000);
    void* b = pool.allocate(1000);
    CHECK(a != b);
    CHECK(pool.use().in_use == 2048);
    pool.release(a, 1000);
    CHECK(pool.use().in_use == 1024);
    CHECK(pool.use().reserved == 2048);
    CHECK(pool.allocate(900) == a);  // the same class
    CHECK(pool.use().system_allocations == 2);
    void* c = pool.allocate(100);  // another class
    CHECK(pool.use().system_allocations == 3);
    CHECK(pool.use().peak == 2048 + 256);
    pool.release(a, 900);
    pool.release(b, 1000);
    pool.release(c, 100);
    pool.release(nullptr, 0);
    CHECK(live == 3);
    CHECK(pool.use().in_use == 0);
    pool.trim();
    CHECK(live == 0);
    CHECK(pool.use().reserved == 0);
    pool.release(pool.allocate(5), 5);
  }
  CHECK(live == 0);
}

TEST_CASE("memory pool: the limit") {
  int live = 0;
  MemoryPool pool(counted(live), 4096);
  void* a = pool.allocate(2048);
  void* b = pool.allocate(1024);
  std::string message;
  try {
    pool.allocate(2048);
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::out_of_memory);
    message = e.what();
  }
  CHECK(message.find("2048 bytes needed") != std::string::npos);
  CHECK(message.find("3072 in use") != std::string::npos);
  CHECK(message.find("limit 4096") != std::string::npos);
  CHECK(pool.use().in_use == 3072);
  pool.release(b, 1024);
  b = pool.allocate(2048);  // the waiting block is given back to make room
  CHECK(pool.use().reserved == 4096);
  pool.release(a, 2048);
  pool.release(b, 2048);
}

TEST_CASE("memory pool: a system without memory") {
  MemoryPool pool({[](size_t) -> void* { return nullptr; }, [](void*) {}}, 0);
  CHECK_THROWS_AS(pool.allocate(1), Error);
  CHECK(pool.use().in_use == 0);
  CHECK(pool.use().reserved == 0);
}

TEST_CASE("context: limit and poison reach the pool; memory comes back with the last handle") {
  Context context({.threads = 1, .memory_limit = 1 << 20, .poison = true});
  const size_t before = context.memory().in_use;
  {
    const Tensor t = Tensor::empty(context, {100});
    for (float v : t.to_vector<float>()) CHECK(std::isnan(v));
    const Tensor window = t.window(0, 10, 20);
    CHECK(context.memory().in_use == before + 512);
  }
  CHECK(context.memory().in_use == before);
  CHECK_THROWS_AS(Tensor::empty(context, {1 << 20}), Error);
  Tensor::zeros(context, {100});
  const size_t taken = context.memory().system_allocations;
  for (int i = 0; i < 10; ++i) Tensor::zeros(context, {100});
  CHECK(context.memory().system_allocations == taken);
}

TEST_CASE("memory pool: what is cut merges with its free neighbours again") {
  int live = 0;
  {
    MemoryPool pool(counted(live), 1 << 20, MemoryPool::Fit::cut);
    auto* a = static_cast<std::byte*>(pool.allocate(1000));
    auto* b = static_cast<std::byte*>(pool.allocate(100000));
    auto* c = static_cast<std::byte*>(pool.allocate(256));
    CHECK(live == 1);  // all of one segment
    CHECK(b == a + 1024);
    CHECK(c == b + 100096);
    CHECK(pool.use().in_use == 1024 + 100096 + 256);
    CHECK(pool.use().peak == pool.use().in_use);
    pool.release(a, 1000);
    CHECK(pool.allocate(1024) == a);  // the smallest free part that holds it
    pool.release(b, 100000);
    pool.release(a, 1024);              // before a free part
    CHECK(pool.allocate(101120) == a);  // both of them
    pool.release(c, 256);               // between a part in use and the rest
    pool.release(a, 101120);
    CHECK(pool.use().in_use == 0);
    CHECK(pool.allocate(pool.use().reserved) == a);
    pool.release(a, pool.use().reserved);
    CHECK(live == 1);
    pool.trim();
    CHECK(live == 0);
    CHECK(pool.use().reserved == 0);
    pool.release(pool.allocate(5), 5);
  }
  CHECK(live == 0);
}

TEST_CASE("memory pool: where the system refuses large segments, free ones make room for the next") {
  int live = 0;
  constexpr size_t mib = size_t{1} << 20;
  MemoryPool::System system = counted(live);
  const auto allocate = system.allocate;
  system.allocate = [&](size_t bytes) { return bytes <= 4 * mib ? allocate(bytes) : nullptr; };
  MemoryPool pool(system, 0, MemoryPool::Fit::cut);
  void* small = pool.allocate(mib / 2);
  void* large = pool.allocate(2 * mib);
  CHECK(live == 2);
  CHECK(pool.use().reserved == 2 * mib + mib / 2);
  pool.release(large, 2 * mib);
  large = pool.allocate(4 * mib);  // instead of the free one; the other is in use
  CHECK(live == 2);
  CHECK(pool.use().reserved == 4 * mib + mib / 2);
  CHECK_THROWS_AS(pool.allocate(5 * mib), Error);
  pool.release(small, mib / 2);
  pool.release(large, 4 * mib);
  CHECK(pool.use().in_use == 0);
}

TEST_CASE("memory pool: changing sizes do not pile up when cut") {
  int live = 0;
  MemoryPool pool(counted(live), size_t{24} << 20, MemoryPool::Fit::cut);
  const auto step = [&](size_t unit) {  // what a training step does: a pile that grows, then shrinks
    std::vector<std::pair<void*, size_t>> pile;
    for (size_t i = 1; i <= 20; ++i) {
      pile.emplace_back(pool.allocate(unit * (1 + i % 3)), unit * (1 + i % 3));
      pool.release(pool.allocate(unit / 2), unit / 2);
    }
    for (; !pile.empty(); pile.pop_back()) pool.release(pile.back().first, pile.back().second);
  };
  for (int pass = 0; pass < 2; ++pass)
    for (size_t unit = 50000; unit < 500000; unit += 12345) step(unit);  // or the limit would throw
  CHECK(pool.use().peak > size_t{18} << 20);
  CHECK(pool.use().system_allocations == 1);
  CHECK(pool.use().in_use == 0);
  pool.trim();
  CHECK(live == 0);
}
