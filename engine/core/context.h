// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mellow/engine/core/backend.h"

namespace mellow {

class Tape;
struct RandomState;

struct ContextOptions {
  Device device = Device::cpu;
  int threads = 0;  // CPU threads; 0 takes one per core this process may run on
  Precision precision = Precision::fp32;
  size_t memory_limit = 0;  // bytes on the device, 0 for none
  int gpu = 0;
  void* stream = nullptr;  // a caller's cudaStream_t
  bool poison = false;     // fill fresh memory with NaN
};

// Everything a computation runs on: device, stream, handles, memory, threads. Nothing is global: two contexts
// work side by side in two threads. One context belongs to one thread at a time. It must outlive its tensors.
class Context {
 public:
  explicit Context(const ContextOptions& options = {});
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Device device() const { return options_.device; }
  Precision precision() const { return options_.precision; }
  int threads() const { return options_.threads; }
  Backend& backend() { return *backend_; }
  Cpu& cpu() { return static_cast<Cpu&>(*backend_); }
  Cuda& cuda() { return static_cast<Cuda&>(*backend_); }
  MemoryUse memory() const { return backend_->memory(); }

  // What random ops draw from: engine/core/random_state.h.
  RandomState& random() { return *random_; }

  // The tape that records now, or nullptr: see engine/autograd/tape.h.
  Tape* tape() const { return tape_; }

 private:
  friend class Tape;
  ContextOptions options_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<RandomState> random_;  // holds a tensor: dies before the backend
  Tape* tape_ = nullptr;
};

// What this build and this machine can compute on.
struct PrecisionReport {
  Precision precision;
  bool usable;
  std::string note;  // why it is not usable, or what to know of it; may be empty
};
struct DeviceReport {
  Device device;
  bool usable;
  std::string description;                       // name, memory, capability; or why it is not usable
  std::vector<PrecisionReport> precisions = {};  // of a usable device
};
std::vector<DeviceReport> describe_devices();
// The entries of one kind alone; asking for the CPU does not wake the GPU's driver.
std::vector<DeviceReport> describe_devices(Device device);
bool is_usable(Device device);

}  // namespace mellow
