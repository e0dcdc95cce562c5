// SPDX-License-Identifier: MIT
#include "mellow/engine/nn/state.h"

#include <cstring>

namespace mellow {
namespace {

// [out, a, b] → [out, b, a].
std::vector<float> swap_inner(const std::vector<float>& values, int64_t out, int64_t a, int64_t b) {
  std::vector<float> swapped(values.size());
  for (int64_t o = 0; o < out; ++o)
    for (int64_t i = 0; i < a; ++i)
      for (int64_t j = 0; j < b; ++j)
        swapped[static_cast<size_t>((o * b + j) * a + i)] = values[static_cast<size_t>((o * a + i) * b + j)];
  return swapped;
}

Shape file_shape(const Module::Named& entry) {
  Shape shape = entry.tensor.shape();
  if (entry.layout == FileLayout::conv_weight) std::swap(shape[1], shape[2]);
  return shape;
}

HostArray array_of(const Module::Named& entry) {
  std::vector<float> values;
  if (entry.tensor.dtype() == DType::f64) {
    const auto wide = entry.tensor.to_vector<double>();
    values.assign(wide.begin(), wide.end());
  } else {
    values = entry.tensor.to_vector<float>();
  }
  const Shape& s = entry.tensor.shape();
  if (entry.layout == FileLayout::conv_weight) values = swap_inner(values, s[0], s[1], s[2]);
  HostArray array{DType::f32, file_shape(entry), std::vector<std::byte>(values.size() * sizeof(float))};
  std::memcpy(array.bytes.data(), values.data(), array.bytes.size());
  return array;
}

void load_entry(const Module::Named& entry, const NamedArrays& state, const std::string& where) {
  const HostArray* array = state.find(entry.name);
  if (array == nullptr) throw Error(text(where, ": weight ", entry.name, " is missing"), ErrorKind::input);
  const Shape shape = file_shape(entry);
  if (array->dtype != DType::f32 || !(array->shape == shape))
    throw Error(text(where, ": weight ", entry.name, " should be F32 ", shape, ", found ",
                     name_of(array->dtype), " ", array->shape),
                ErrorKind::input);
  std::vector<float> values(array->bytes.size() / sizeof(float));
  std::memcpy(values.data(), array->bytes.data(), array->bytes.size());
  if (entry.layout == FileLayout::conv_weight) values = swap_inner(values, shape[0], shape[1], shape[2]);
  if (entry.tensor.dtype() == DType::f64) {
    const std::vector<double> wide(values.begin(), values.end());
    entry.tensor.copy_from(std::as_bytes(std::span(wide)));
  } else {
    entry.tensor.copy_from(std::as_bytes(std::span(values)));
  }
}

}  // namespace

NamedArrays state_of(const Module& module) {
  NamedArrays state;
  for (const auto& entry : module.parameters()) state.arrays.emplace_back(entry.name, array_of(entry));
  for (const auto& entry : module.buffers()) state.arrays.emplace_back(entry.name, array_of(entry));
  return state;
}

void load_state(Module& module, const NamedArrays& state, const std::string& where) {
  auto entries = module.parameters();
  for (auto& entry : module.buffers()) entries.push_back(std::move(entry));
  for (const auto& [name, array] : state.arrays) {
    const bool known =
        std::any_of(entries.begin(), entries.end(), [&](const auto& e) { return e.name == name; });
    if (!known) throw Error(text(where, ": the model has no weight named ", name), ErrorKind::input);
  }
  for (const auto& entry : entries) load_entry(entry, state, where);
}

HostArray to_host(const Tensor& tensor) {
  HostArray array{tensor.dtype(), tensor.shape(), {}};
  array.bytes.resize(static_cast<size_t>(tensor.count()) * size_of(tensor.dtype()));
  tensor.copy_to(array.bytes);
  return array;
}

void from_host(const Tensor& tensor, const HostArray& array, const std::string& where) {
  if (array.dtype != tensor.dtype() || !(array.shape == tensor.shape()))
    throw Error(text(where, ": expected ", name_of(tensor.dtype()), " ", tensor.shape(), ", found ",
                     name_of(array.dtype), " ", array.shape),
                ErrorKind::input);
  tensor.copy_from(array.bytes);
}

}  // namespace mellow
