// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/tools/commands.h"

namespace mellow::tools {

// mellow study soft-labels: six models by hard labels, LS, CP, RSLS and RSLS without encoder.
Run soft_labels_study(CLI::App& command);
// mellow study rsls-readings: InceptionTime with one and two modules by every reading of the RSLS formula.
Run rsls_readings_study(CLI::App& command);

}  // namespace mellow::tools
