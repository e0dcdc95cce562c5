// SPDX-License-Identifier: MIT
#include "mellow/kernels/cuda/check.h"

namespace mellow::cuda {
namespace {

// What the user can do about it, where that is known.
const char* advice(cudaError_t status) {
  switch (status) {
    case cudaErrorNoDevice: return "; use --device cpu, or check CUDA_VISIBLE_DEVICES and nvidia-smi";
    case cudaErrorInsufficientDriver:
      return "; install an NVIDIA driver that knows this CUDA version, or use --device cpu";
    case cudaErrorNoKernelImageForDevice:
      return "; build mellow with -DCMAKE_CUDA_ARCHITECTURES naming this GPU's compute capability";
    default: return "";
  }
}

}  // namespace

void fail(const char* call, const std::string& status) {
  throw Error(text("[cuda] ", call, " failed: ", status), ErrorKind::device);
}

std::string explain(cudaError_t status) {
  int driver = 0;
  if (status == cudaErrorInsufficientDriver && cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0)
    return "no NVIDIA driver is installed; use --device cpu";
  return text(cudaGetErrorString(status), " (", cudaGetErrorName(status), ")", advice(status));
}

}  // namespace mellow::cuda
