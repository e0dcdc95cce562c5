// SPDX-License-Identifier: MIT
#include "mellow/engine/core/context.h"

#include <algorithm>
#include <thread>

#include <sched.h>

#include "mellow/engine/core/random_state.h"
#include "mellow/engine/internal/device_report.h"
#include "mellow/engine/internal/on_device.h"

namespace mellow {
namespace {

int usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

ContextOptions resolved(ContextOptions o) {
  MELLOW_CHECK(o.threads >= 0 && o.threads <= 4096, "[context] threads must be 0 … 4096, got ", o.threads);
  if (o.threads == 0) o.threads = usable_cores();
  if (o.device == Device::cpu)
    MELLOW_CHECK(o.precision != Precision::tf32,
                 "[context] tf32 exists on CUDA only; on the CPU use fp32, bf16x3 or bf16");
  if (o.device == Device::cuda)
    MELLOW_CHECK(o.precision != Precision::bf16x3,
                 "[context] bf16x3 exists on the CPU only; on CUDA use tf32 or fp32");
  return o;
}

std::unique_ptr<Backend> make_backend(const ContextOptions& o) {
  if (o.device == Device::cpu)
    return std::make_unique<Cpu>(Cpu::Options{o.threads, o.precision, o.memory_limit, o.poison});
  if constexpr (internal::has_cuda) {
    return std::make_unique<Cuda>(Cuda::Options{o.gpu, o.precision, o.memory_limit, o.poison, o.stream});
  } else {
    throw Error("[context] this build of mellow has no CUDA backend: use the CPU, or build with nvcc on PATH",
                ErrorKind::unsupported);
  }
}

}  // namespace

const char* name_of(Device device) { return device == Device::cpu ? "cpu" : "cuda"; }

const char* name_of(Precision precision) {
  switch (precision) {
    case Precision::fp32: return "fp32";
    case Precision::tf32: return "tf32";
    case Precision::bf16: return "bf16";
    case Precision::bf16x3: return "bf16x3";
  }
  return "?";
}

Context::Context(const ContextOptions& options)
    : options_(resolved(options)),
      backend_(make_backend(options_)),
      random_(std::make_unique<RandomState>()) {}

Context::~Context() = default;

std::vector<DeviceReport> describe_devices(Device device) {
  if (device == Device::cpu) return {internal::describe_cpu()};
  if constexpr (internal::has_cuda) {
    return internal::describe_cuda();
  } else {
    return {{Device::cuda, false, "this build has no CUDA backend", {}}};
  }
}

std::vector<DeviceReport> describe_devices() {
  auto reports = describe_devices(Device::cpu);
  for (auto& report : describe_devices(Device::cuda)) reports.push_back(std::move(report));
  return reports;
}

bool is_usable(Device device) {
  const auto reports = describe_devices(device);
  return std::any_of(reports.begin(), reports.end(), [](const DeviceReport& r) { return r.usable; });
}

}  // namespace mellow
