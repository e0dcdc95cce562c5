// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include "mellow/kernels/cpu/kernel_options.h"

namespace mellow::cpu {

// Sizes of a channels-last 1-D convolution, all in elements. x and dx are [batch, in_length, in_channels],
// y and dy [batch, out_length, out_channels], each with its own stride between time steps and between
// samples, so a result may be written into a wider concatenation buffer. Weights are [out_channels, width,
// in_channels / groups] without gaps, the bias is [out_channels]. Output step t, tap j reads input step t *
// stride + j * dilation - pad_left; steps outside the series count as zero, so the padding on the right
// follows from out_length.
struct Conv1dSizes {
  int64_t batch, in_length, out_length, in_channels, out_channels;  // channels over all groups
  int64_t width, stride = 1, dilation = 1, groups = 1, pad_left = 0;
  int64_t x_row, x_batch, y_row, y_batch;
};

enum class Conv1dPass { forward, backward_data, backward_weights };

// Bytes of workspace one call of the pass needs; T is float or double. Throws Error for sizes that make no
// convolution (channels that do not divide into groups, a row stride below the channels, widths, strides or
// threads below one) or an instruction set this machine cannot run.
template <class T>
size_t conv1d_workspace(Conv1dPass pass, const Conv1dSizes& sizes, const KernelOptions& options);

// y = x * w + bias; bias may be null. Every pass throws as conv1d_workspace does, and when the workspace is
// too small.
template <class T>
void conv1d_forward(const Conv1dSizes& sizes, const T* x, const T* w, const T* bias, T* y,
                    const KernelOptions& options);

// The gradient of x, added to dx or overwriting it. dx has the strides x_row and x_batch.
template <class T>
void conv1d_backward_data(const Conv1dSizes& sizes, const T* dy, const T* w, T* dx, bool accumulate,
                          const KernelOptions& options);

// The gradients of w and of the bias (dbias may be null), added or overwriting.
template <class T>
void conv1d_backward_weights(const Conv1dSizes& sizes, const T* x, const T* dy, T* dw, T* dbias,
                             bool accumulate, const KernelOptions& options);

}  // namespace mellow::cpu
