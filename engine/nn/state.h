// SPDX-License-Identifier: MIT
#pragma once

#include <cstring>

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

// A list of numbers as an array of rank 1, and back; `count` >= 0 asks for exactly that many.
template <class T>
HostArray host_array(const std::vector<T>& values) {
  HostArray array{dtype_of<T>, {static_cast<int64_t>(values.size())}, {}};
  array.bytes.resize(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(array.bytes.data(), values.data(), array.bytes.size());
  return array;
}
template <class T>
std::vector<T> host_values(const HostArray& array, const std::string& where, int64_t count = -1) {
  if (array.dtype != dtype_of<T> || array.shape.rank() != 1 || (count >= 0 && array.shape[0] != count))
    throw Error(text(where, ": expected ", count >= 0 ? text(count) : "a list of", " ", name_of(dtype_of<T>),
                     ", found ", name_of(array.dtype), " ", array.shape),
                ErrorKind::input);
  std::vector<T> values(array.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), array.bytes.data(), array.bytes.size());
  return values;
}

}  // namespace mellow
