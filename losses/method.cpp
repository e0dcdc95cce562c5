// SPDX-License-Identifier: MIT
#include "mellow/losses/method.h"

#include <algorithm>

#include "mellow/engine/core/parse_number.h"

namespace mellow {
namespace {

double checked_number(const Method& method, const MethodOption& option, const std::string& typed) {
  const auto value = parse_number<double>(typed);
  MELLOW_CHECK(value, "--", option.name, " of method ", method.name, " takes a number, got \"", typed, "\"");
  const bool inside = (option.open_high ? *value < option.high : *value <= option.high) &&
                      (option.open_low ? *value > option.low : *value >= option.low);
  MELLOW_CHECK(inside, "--", option.name, " of method ", method.name, " must lie in ",
               option.open_low ? "(" : "[", option.low, ", ", option.high, option.open_high ? ")" : "]",
               ", got ", typed);
  return *value;
}

std::string checked_choice(const Method& method, const MethodOption& option, const std::string& typed) {
  const bool known = std::find(option.choices.begin(), option.choices.end(), typed) != option.choices.end();
  std::string all;
  for (const std::string& choice : option.choices) all += (all.empty() ? "" : ", ") + choice;
  MELLOW_CHECK(known, "--", option.name, " of method ", method.name, " is one of ", all, "; got \"", typed,
               "\"");
  return typed;
}

void check_classes(int64_t classes) {
  MELLOW_CHECK(classes >= 1, "[soft labels] a table needs at least one class, got ", classes);
}

}  // namespace

double MethodOptions::number(const std::string& name) const {
  const auto found = numbers.find(name);
  MELLOW_CHECK(found != numbers.end(), "[method] no number named ", name, " among the options");
  return found->second;
}

const std::string& MethodOptions::choice(const std::string& name) const {
  const auto found = choices.find(name);
  MELLOW_CHECK(found != choices.end(), "[method] no choice named ", name, " among the options");
  return found->second;
}

Tensor representations_of(const MethodInputs& in) {
  MELLOW_CHECK(in.representations,
               "[method] these options take distances between encoded series: set "
               "MethodInputs::representations, which gives [samples, dims]; got none");
  return in.representations();
}

Tensor raw_series_of(const MethodInputs& in) {
  MELLOW_CHECK(
      in.raw_series,
      "[method] these options take distances between raw series: set MethodInputs::raw_series, which "
      "gives [samples, length * channels]; got none");
  return in.raw_series();
}

TeacherOutputs teacher_of(const MethodInputs& in) {
  MELLOW_CHECK(in.teacher,
               "[method] this method learns from a teacher: set MethodInputs::teacher, which gives a trained "
               "network's logits [samples, classes]; got none");
  TeacherOutputs teacher = in.teacher();
  MELLOW_CHECK(teacher.logits.size() == in.labels.size() * static_cast<size_t>(in.classes),
               "[method] the teacher's logits for ", in.labels.size(), " samples of ", in.classes,
               " classes are one number each, got ", teacher.logits.size());
  return teacher;
}

const Method& find_method(const std::string& name) {
  std::string known;
  for (const Method& method : methods()) {
    if (method.name == name) return method;
    known += (known.empty() ? "" : ", ") + method.name;
  }
  throw Error(text("unknown method ", name, "; known are ", known));
}

MethodOptions resolve_options(const Method& method, const std::string& model,
                              const std::map<std::string, std::string>& given) {
  MethodOptions resolved;
  const auto for_model = method.model_defaults(model);
  for (const MethodOption& option : method.options) {
    const auto typed = given.find(option.name);
    if (!option.choices.empty()) {
      resolved.choices[option.name] =
          typed != given.end() ? checked_choice(method, option, typed->second) : option.choice;
      continue;
    }
    const auto usual = for_model.find(option.name);
    resolved.numbers[option.name] = typed != given.end()       ? checked_number(method, option, typed->second)
                                    : usual != for_model.end() ? usual->second
                                                               : option.value;
  }
  for (const auto& [name, value] : given) {
    const bool known = std::any_of(method.options.begin(), method.options.end(),
                                   [&, &wanted = name](const MethodOption& o) { return o.name == wanted; });
    MELLOW_CHECK(known, "method ", method.name, " has no option --", name);
  }
  method.check(resolved);
  return resolved;
}

SoftLabels soft_labels(Context& context, const std::vector<double>& rows, int64_t classes, bool per_sample) {
  check_classes(classes);
  const auto count = static_cast<int64_t>(rows.size()) / classes;
  return {Tensor::from(context, {count, classes}, std::vector<float>(rows.begin(), rows.end())), per_sample};
}

SoftLabels smoothed_labels(Context& context, int64_t classes, double epsilon) {
  check_classes(classes);
  std::vector<double> rows(static_cast<size_t>(classes * classes), epsilon / static_cast<double>(classes));
  for (int64_t c = 0; c < classes; ++c) rows[static_cast<size_t>(c * classes + c)] += 1 - epsilon;
  return soft_labels(context, rows, classes, false);
}

SoftLabels corrected_labels(Context& context, int64_t classes, double own) {
  MELLOW_CHECK(classes >= 2, "[soft labels] mass for the other classes needs at least two classes, got ",
               classes);
  std::vector<double> rows(static_cast<size_t>(classes * classes),
                           (1 - own) / static_cast<double>(classes - 1));
  for (int64_t c = 0; c < classes; ++c) rows[static_cast<size_t>(c * classes + c)] = own;
  return soft_labels(context, rows, classes, false);
}

}  // namespace mellow
