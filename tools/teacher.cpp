// SPDX-License-Identifier: MIT
#include "mellow/tools/teacher.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/train/evaluate.h"
#include "mellow/tools/model_file.h"
#include "mellow/tools/progress.h"

namespace mellow::tools {
namespace {

void check_teacher(const ModelDescription& teacher, const TrainingData& data, const std::string& path) {
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
  student.progress.note(fmt::format("training the teacher, {} with hard labels", options.model));
  run_training({options, hard, none, student.data, student.context, student.progress, student.interrupt,
                student.arguments},
               folder, options.overwrite ? Existing::overwrite : Existing::resume);
  return folder;
}

std::vector<double> logits_for(Classifier& network, Context& context, const SeriesSet& set) {
  if (set.series == 0) return {};
  const auto logits = logits_of(network, to_device(context, set));
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

TeacherOutputs teacher_outputs(const TrainingJob& student, const std::string& path) {
  const std::string source =
      student.options.teacher.empty() ? train_own_teacher(student, path) : student.options.teacher;
  const LoadedModel teacher = read_model(student.context, source);
  check_teacher(teacher.description, student.data, source);
  return {.logits = logits_for(*teacher.network, student.context, student.data.train),
          .validation_logits = logits_for(*teacher.network, student.context, student.data.validation),
          .validation_labels = student.data.validation.labels};
}

}  // namespace mellow::tools
