// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "mellow/tools/training.h"

namespace mellow::tools {

// Checks --teacher and --val against what the method needs, before anything runs.
void check_teacher_options(const Method& method, const TrainOptions& options);

// Reads the network of --teacher, if any, and checks that it fits the job's data.
void check_given_teacher(const TrainingJob& student);

// What the teacher says of the job's series: the network of --teacher, or the student's own model trained
// with hard labels and the same options into `path`/teacher, where it is found again. Its seed is the
// student's plus own_teacher_seed, so that the two start apart.
TeacherOutputs teacher_outputs(const TrainingJob& student, const std::string& path);
constexpr uint64_t own_teacher_seed = 1'000'000;

}  // namespace mellow::tools
