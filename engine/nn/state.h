// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/io/safetensors.h"
#include "mellow/engine/nn/module.h"

namespace mellow {

// Parameters and buffers as float32 arrays on the host, in PyTorch's names and layouts.
NamedArrays state_of(const Module& module);

// Loads what state_of gave: strict, every array must be there with its shape and nothing else may be.
// Throws ErrorKind::input that names the array and, first, `where` it came from.
void load_state(Module& module, const NamedArrays& state, const std::string& where);

// A tensor's bytes on the host, and back; dtypes and shapes must agree. For optimiser state and counters.
HostArray to_host(const Tensor& tensor);
void from_host(const Tensor& tensor, const HostArray& array, const std::string& where);

}  // namespace mellow
