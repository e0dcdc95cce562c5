// SPDX-License-Identifier: MIT
#include "mellow/tools/teacher.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/train/evaluate.h"
#include "mellow/tools/model_file.h"
#include "mellow/tools/progress.h"

namespace mellow::tools {
namespace {

void check_fits(const ModelDescription& teacher, const TrainingData& data, const std::string& path) {
  if (teacher.class_names != data.train.class_names)
    throw Error(
        fmt::format("the teacher {} knows the classes {}, the training data has {}: train one on the "
                    "same labels",
                    path, fmt::join(teacher.class_names, ", "), fmt::join(data.train.class_names, ", ")));
  if (teacher.channels != data.train.channels || teacher.length != data.train.length)
    throw Error(
        fmt::format("the teacher {} takes series of {} steps and {} channels, the training data has "
                    "{} and {}: train one on this dataset",
                    path, teacher.length, teacher.channels, data.train.length, data.train.channels));
}

std::string train_own_teacher(const TrainingJob& student, const std::string& path) {
  TrainOptions options = student.options;
  options.method = "hard";
  options.method_options.clear();
  options.seed += own_teacher_seed;
  const Method& hard = find_method(options.method);
  const MethodOptions none = resolve_options(hard, options.model, {});
  const std::string folder = path + "/teacher";
  student.progress.note(fmt::format("teacher: {} with hard labels, in {}", options.model, folder));
  run_training({options, hard, none, student.data, student.context, student.progress, student.interrupt,
                student.arguments},
               folder, options.overwrite ? Existing::overwrite : Existing::resume);
  return folder;
}

LoadedModel open_teacher(const TrainingJob& student, const std::string& path) {
  LoadedModel teacher = read_model(student.context, path);
  check_fits(teacher.description, student.data, path);
  return teacher;
}

std::vector<double> logits_for(const LoadedModel& teacher, const TrainingJob& student, const SeriesSet& set,
                               const std::string& path) {
  if (set.series == 0) return {};
  const auto logits = logits_of(*teacher.network, to_device(student.context, set));
  if (!std::all_of(logits.begin(), logits.end(), [](float z) { return std::isfinite(z); }))
    throw Error(
        fmt::format("the teacher {} predicts values that are not numbers: its training diverged", path),
        ErrorKind::input);
  return {logits.begin(), logits.end()};
}

}  // namespace

void check_teacher_options(const Method& method, const TrainOptions& o) {
  if (!o.teacher.empty() && method.teacher == TeacherKind::none) {
    std::vector<std::string> others;
    for (const Method& other : methods())
      if (other.teacher != TeacherKind::none) others.push_back(other.name);
    throw Error(fmt::format("method {} has no teacher; methods that take --teacher: {}", method.name,
                            fmt::join(others, ", ")));
  }
  if (o.teacher.empty() && method.teacher == TeacherKind::given)
    throw Error(fmt::format("method {} needs a trained network: --teacher RUN", method.name));
  if (method.needs_validation && o.val == "none")
    throw Error(
        fmt::format("method {} calibrates its teacher on validation series: hold some out with --val "
                    "holdout:0.2",
                    method.name));
}

void check_given_teacher(const TrainingJob& student) {
  if (!student.options.teacher.empty()) open_teacher(student, student.options.teacher);
}

TeacherOutputs teacher_outputs(const TrainingJob& student, const std::string& path) {
  const std::string source =
      student.options.teacher.empty() ? train_own_teacher(student, path) : student.options.teacher;
  const LoadedModel teacher = open_teacher(student, source);
  return {.logits = logits_for(teacher, student, student.data.train, source),
          .validation_logits = logits_for(teacher, student, student.data.validation, source),
          .validation_labels = student.data.validation.labels};
}

}  // namespace mellow::tools
