// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

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

TEST_CASE("memory pool: with larger fits, changing sizes do not pile up") {
  int live = 0;
  MemoryPool pool(counted(live), 0, MemoryPool::Fit::up_to_eightfold);
  void* large = pool.allocate(8192);
  pool.release(large, 8192);
  void* half = pool.allocate(4096);  // half of the peak may wait
  CHECK(half != large);
  void* small = pool.allocate(1024);  // more may not: an eighth of the large block
  CHECK(small == large);
  CHECK(pool.use().in_use == 4096 + 1024);
  pool.release(small, 1024);
  CHECK(pool.use().in_use == 4096);
  CHECK(pool.allocate(8192) == large);  // it came back under its own class
  pool.release(half, 4096);
  pool.release(large, 8192);
  CHECK(pool.use().reserved == 8192 + 4096);
  void* tiny =
      pool.allocate(256);  // far below an eighth of both: from the system, nothing smaller to give back
  CHECK(live == 3);
  pool.release(tiny, 256);
  // Rising sizes: at most half of the peak waits.
  for (size_t size = 65536; size < 1 << 20; size += 32768) {
    pool.release(pool.allocate(size), size);
    CHECK(pool.use().reserved <= pool.use().peak * 3 / 2 + 4096);
  }
  // A repeated sequence settles.
  const auto step = [&] {
    void* a = pool.allocate(4096);
    void* b = pool.allocate(20000);
    pool.release(a, 4096);
    void* c = pool.allocate(30000);
    pool.release(b, 20000);
    pool.release(c, 30000);
  };
  for (int i = 0; i < 3; ++i) step();
  const size_t settled = pool.use().system_allocations;
  for (int i = 0; i < 3; ++i) step();
  CHECK(pool.use().system_allocations == settled);
}
