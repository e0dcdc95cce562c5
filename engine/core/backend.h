// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>

#include "mellow/engine/core/memory_pool.h"

namespace mellow {

enum class Device { cpu, cuda };

// fp32: reference, strict. tf32: CUDA tensor cores on float32 data. bf16: bfloat16 operands, float32 sums.
// bf16x3: operands split into two bfloat16 parts, three products (about 4e-6 relative error), or fp32 where
// that is faster; CPU only.
enum class Precision { fp32, tf32, bf16, bf16x3 };

const char* name_of(Device device);
const char* name_of(Precision precision);

// Memory and copies: what a Tensor needs of a device. Work is ordered: each call happens after the ones
// before it.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual void* allocate(size_t bytes) = 0;
  virtual void release(void* block, size_t bytes) noexcept = 0;
  virtual void copy_in(void* to, const void* host, size_t bytes) = 0;
  virtual void copy_out(void* host, const void* from, size_t bytes) = 0;  // waits for the device
  virtual void copy(void* to, const void* from, size_t bytes) = 0;
  virtual void zero(void* to, size_t bytes) = 0;
  virtual void synchronize() = 0;
  virtual MemoryUse memory() const = 0;
};

// The CPU as seen by kernels. Defined in kernels/cpu/backend.cpp.
class Cpu final : public Backend {
 public:
  struct Options {
    int threads = 1;
    Precision precision = Precision::fp32;
    size_t memory_limit = 0;
    bool poison = false;  // fill fresh memory with NaN, so that reading it shows
  };
  explicit Cpu(const Options& options);
  ~Cpu() override;

  void* allocate(size_t bytes) override;
  void release(void* block, size_t bytes) noexcept override;
  void copy_in(void* to, const void* host, size_t bytes) override;
  void copy_out(void* host, const void* from, size_t bytes) override;
  void copy(void* to, const void* from, size_t bytes) override;
  void zero(void* to, size_t bytes) override;
  void synchronize() override {}
  MemoryUse memory() const override;

  int threads() const { return options_.threads; }
  Precision precision() const { return options_.precision; }

 private:
  Options options_;
  MemoryPool pool_;
};

struct CudaState;  // stream, handles, pool, plans: known to kernels/cuda alone

// One GPU and one stream as seen by kernels. Defined in kernels/cuda/backend.cpp; absent from CPU-only
// builds.
class Cuda final : public Backend {
 public:
  struct Options {
    int device = 0;
    Precision precision = Precision::tf32;
    size_t memory_limit = 0;
    bool poison = false;
    void* stream = nullptr;  // a caller's cudaStream_t, or nullptr for an own one
  };
  explicit Cuda(const Options& options);
  ~Cuda() override;

  void* allocate(size_t bytes) override;
  void release(void* block, size_t bytes) noexcept override;
  void copy_in(void* to, const void* host, size_t bytes) override;
  void copy_out(void* host, const void* from, size_t bytes) override;
  void copy(void* to, const void* from, size_t bytes) override;
  void zero(void* to, size_t bytes) override;
  void synchronize() override;
  MemoryUse memory() const override;

  Precision precision() const;
  CudaState& state() { return *state_; }

 private:
  std::unique_ptr<CudaState> state_;
};

}  // namespace mellow
