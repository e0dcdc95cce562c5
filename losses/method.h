// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mellow/engine/nn/flat_parameters.h"
#include "mellow/engine/nn/model.h"
#include "mellow/engine/ops/soft_label_loss.h"
#include "mellow/engine/train/moving_labels.h"

// A method is a way to make soft labels and a row of the loss table (engine/ops/soft_label_loss.h).
namespace mellow {

// One option of a method. Numbers carry their range, choices their values.
struct MethodOption {
  std::string name;  // kebab-case, as typed after --
  std::string help;
  double value = 0;  // default
  double low = 0, high = 0;
  bool open_low = false;             // low itself is not allowed
  bool open_high = false;            // likewise high
  std::vector<std::string> choices;  // not empty: a choice; `choice` is the default
  std::string choice;
};

// Values by option name, complete and checked.
class MethodOptions {
 public:
  double number(const std::string& name) const;
  const std::string& choice(const std::string& name) const;

  std::map<std::string, double> numbers;
  std::map<std::string, std::string> choices;
};

// What a trained network says of the series that the student trains on, and of its validation series (empty
// when none are held out). Logits row-major [samples, classes].
struct TeacherOutputs {
  std::vector<double> logits, validation_logits;
  std::vector<int32_t> validation_labels;
};

// What a method may ask for. `labels` are class indices of the training samples.
struct MethodInputs {
  Context& context;
  std::span<const int32_t> labels;
  int64_t classes = 0;
  int64_t epochs = 1;  // that the student will train
  uint64_t seed = 0;
  // Left empty where no method asks; build() calls them by the functions below.
  // Representations [samples, dims] of the training series by the pretrained encoder; made (or read) when
  // called.
  std::function<Tensor()> representations;
  // The training series as the classifier sees them, [samples, length · channels].
  std::function<Tensor()> raw_series;
  // Of the teacher the user gave, or of one trained now (Method::teacher).
  std::function<TeacherOutputs()> teacher;
};

// What the callbacks above give. They throw, saying which one to supply, where it is missing.
Tensor representations_of(const MethodInputs& in);
Tensor raw_series_of(const MethodInputs& in);
TeacherOutputs teacher_of(const MethodInputs& in);

// What labels that move while the student trains may ask for.
struct MovingInputs {
  Context& context;
  Tensor labels;                  // i32 [samples], on the device
  const FlatParameters& student;  // its weights
  // Makes a second network, equal to the student as it is now.
  std::function<std::unique_ptr<Classifier>()> copy_of;
};

// What training needs: where q1 and q2 come from, and the row.
struct Recipe {
  SoftLabelWeights weights;
  SoftLabels q1, q2;
  std::map<std::string, double> report;  // goes to run.json
  // Makes what rewrites q1 during training (the tables above are then where it writes); empty: labels stay.
  std::function<std::unique_ptr<MovingLabels>(const MovingInputs&)> moving = {};
};

enum class TeacherKind {
  none,
  given,  // the user names a trained network, of any architecture
  own     // the student's own architecture, trained with hard labels first unless one is given
};

struct Method {
  std::string name;     // as users type it
  std::string formula;  // plain text
  std::string paper;
  std::vector<MethodOption> options;
  // Whether these options ask for representations().
  std::function<bool(const MethodOptions&)> uses_encoder = [](const MethodOptions&) { return false; };
  TeacherKind teacher = TeacherKind::none;
  bool needs_validation = false;  // for its teacher
  // Throws for options that do not go together.
  std::function<void(const MethodOptions&)> check = [](const MethodOptions&) {};
  // Defaults that depend on the student, by option name; empty: the same for all.
  std::function<std::map<std::string, double>(const std::string& model)> model_defaults =
      [](const std::string&) { return std::map<std::string, double>(); };
  std::function<Recipe(const MethodInputs&, const MethodOptions&)> build;
};

// Filled by the register_<part> functions of the headers in this folder.
struct LossesTable {
  std::vector<Method> methods;
};

// All methods of the build.
const std::vector<Method>& methods();
// Throws for a name that does not exist, listing those that do.
const Method& find_method(const std::string& name);
// The method's defaults for this student, overridden by what was given. Throws for unknown options, values
// out of range and unknown choices, saying what is allowed.
MethodOptions resolve_options(const Method& method, const std::string& model,
                              const std::map<std::string, std::string>& given);

// A table of soft labels on the device, float32; `rows` row-major [n, classes].
SoftLabels soft_labels(Context& context, const std::vector<double>& rows, int64_t classes, bool per_sample);
// ε/K everywhere and 1 − ε more on the label's class: [classes, classes].
SoftLabels smoothed_labels(Context& context, int64_t classes, double epsilon);
// `own` on the label's class, 1 − own evenly on the others: [classes, classes]. Needs two classes.
SoftLabels corrected_labels(Context& context, int64_t classes, double own);

}  // namespace mellow
