// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <mutex>

#include <cuda_runtime_api.h>

// What the stand-ins for CUDA's libraries share.
namespace mellow::emulation {

// One device: whoever works on it holds this.
using DeviceLock = std::unique_lock<std::recursive_mutex>;
DeviceLock lock_device();

// Does the work now, or records it where the stream does.
cudaError_t enqueue(cudaStream_t stream, std::function<void()> work);

// What a library does that waits for the whole device: it breaks every recording there is.
cudaError_t wait_for_device();

// Milliseconds as events see them: a launch takes one.
extern float clock;

}  // namespace mellow::emulation
