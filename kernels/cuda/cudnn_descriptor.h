// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include <cudnn_graph.h>

#include "mellow/kernels/cuda/check.h"

namespace mellow::cuda {

// Beside its siblings of check.h, so that CUDA_CHECK finds it.
inline void check(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  std::array<char, 512> detail{};
  cudnnGetLastErrorString(detail.data(), detail.size());
  fail(call, text(cudnnGetErrorString(status), " ", detail.data()));
}

// The tag cuDNN wants beside every value.
template <class T>
inline constexpr cudnnBackendAttributeType_t tag_of = CUDNN_TYPE_INT64;
template <>
inline constexpr cudnnBackendAttributeType_t tag_of<float> = CUDNN_TYPE_FLOAT;
template <>
inline constexpr cudnnBackendAttributeType_t tag_of<void*> = CUDNN_TYPE_VOID_PTR;
template <>
inline constexpr cudnnBackendAttributeType_t tag_of<cudnnHandle_t> = CUDNN_TYPE_HANDLE;
template <>
inline constexpr cudnnBackendAttributeType_t tag_of<cudnnDataType_t> = CUDNN_TYPE_DATA_TYPE;
template <>
inline constexpr cudnnBackendAttributeType_t tag_of<cudnnConvolutionMode_t> = CUDNN_TYPE_CONVOLUTION_MODE;
template <>
inline constexpr cudnnBackendAttributeType_t tag_of<cudnnBackendHeurMode_t> = CUDNN_TYPE_HEUR_MODE;
template <>
inline constexpr cudnnBackendAttributeType_t tag_of<cudnnBackendNumericalNote_t> = CUDNN_TYPE_NUMERICAL_NOTE;
template <>
inline constexpr cudnnBackendAttributeType_t tag_of<cudnnBackendKnobType_t> = CUDNN_TYPE_KNOB_TYPE;

// One object of cuDNN's graph interface: attributes are set, then it is finalized.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    CUDA_CHECK(cudnnBackendCreateDescriptor(type, handle_.out()));
  }

  template <class T>
  void set(cudnnBackendAttributeName_t name, std::span<const T> values) {
    CUDA_CHECK(cudnnBackendSetAttribute(handle_, name, tag_of<T>, static_cast<int64_t>(values.size()),
                                        values.data()));
  }
  template <class T>
  void set(cudnnBackendAttributeName_t name, T value) {
    set(name, std::span<const T>(&value, 1));
  }
  template <class T, size_t n>
  void set(cudnnBackendAttributeName_t name, const std::array<T, n>& values) {
    set(name, std::span<const T>(values));
  }
  void set(cudnnBackendAttributeName_t name, std::span<const Descriptor> others) {
    const auto values = handles_of(others);
    CUDA_CHECK(cudnnBackendSetAttribute(handle_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                        static_cast<int64_t>(values.size()), values.data()));
  }
  void set(cudnnBackendAttributeName_t name, const Descriptor& other) {
    set(name, std::span<const Descriptor>(&other, 1));
  }

  // At most `room` values; returns how many were written (cuDNN counts those there is no room for, too).
  template <class T>
  int64_t get(cudnnBackendAttributeName_t name, int64_t room, T* values) const {
    int64_t count = 0;
    CUDA_CHECK(cudnnBackendGetAttribute(handle_, name, tag_of<T>, room, &count, values));
    return std::min(count, room);
  }
  template <class T>
  T get(cudnnBackendAttributeName_t name) const {
    T value{};
    get(name, 1, &value);
    return value;
  }
  // All descriptors of that type. cuDNN fills some that exist already; without any it says how many there
  // are.
  std::vector<Descriptor> get_all(cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type) const {
    std::vector<Descriptor> all;
    const int64_t count = fill(name, all);
    for (int64_t i = 0; i < count; ++i) all.emplace_back(type);
    if (count > 0) all.erase(all.begin() + std::min(count, fill(name, all)), all.end());
    return all;
  }

  cudnnStatus_t try_finalize() { return cudnnBackendFinalize(handle_); }
  void finalize() { CUDA_CHECK(cudnnBackendFinalize(handle_)); }
  operator cudnnBackendDescriptor_t() const { return handle_; }

 private:
  static std::vector<cudnnBackendDescriptor_t> handles_of(std::span<const Descriptor> all) {
    std::vector<cudnnBackendDescriptor_t> handles(all.size());
    std::transform(all.begin(), all.end(), handles.begin(),
                   [](const Descriptor& d) -> cudnnBackendDescriptor_t { return d.handle_; });
    return handles;
  }
  // How many there are.
  int64_t fill(cudnnBackendAttributeName_t name, std::span<const Descriptor> into) const {
    auto handles = handles_of(into);
    int64_t count = 0;
    CUDA_CHECK(cudnnBackendGetAttribute(handle_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                        static_cast<int64_t>(handles.size()), &count,
                                        handles.empty() ? nullptr : handles.data()));
    return count;
  }

  Handle<cudnnBackendDescriptor_t, cudnnBackendDestroyDescriptor> handle_;
};

}  // namespace mellow::cuda
