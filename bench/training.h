// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/bench/support.h"
#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/optim/adam.h"
#include "mellow/engine/train/trainer.h"
#include "mellow/models/make_model.h"

// Trainings on random series, for the benchmarks that time them.
namespace mellow::bench {

struct SeriesShape {
  int64_t samples = 1, length = 150, channels = 1, classes = 5;
};

inline LabelledSet series_set(Context& context, const SeriesShape& shape) {
  std::vector<float> values(static_cast<size_t>(shape.samples * shape.length * shape.channels));
  std::vector<int32_t> labels(static_cast<size_t>(shape.samples));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = uniform_from(random_words(3, RandomStream::test, 0, i)[0]) * 2 - 1;
  for (size_t i = 0; i < labels.size(); ++i)
    labels[i] = static_cast<int32_t>(static_cast<int64_t>(i) % shape.classes);
  return make_labelled_set(context, {shape.samples, shape.length, shape.channels}, values, labels,
                           shape.classes);
}

inline ModelConfig config_of(const SeriesShape& shape) {
  return {.channels = shape.channels, .classes = shape.classes, .length = shape.length};
}

// The first step's loss, in training mode.
template <class T>
double first_loss(Context& context, const std::string& name, const SeriesShape& shape) {
  const auto model = make_model(name, {&context, dtype_of<T>}, config_of(shape));
  initialize(*model, 1);
  model->set_training(true);
  const LabelledSet set = series_set(context, shape);
  const auto values = set.x.to_vector<float>();
  const Tensor x = Tensor::from(context, set.x.shape(), std::vector<T>(values.begin(), values.end()));
  return to_doubles(soft_label_loss(model->logits(x), {.labels = set.labels}, {}))[0];
}

// A trainer with hard labels and all that it borrows.
struct Training {
  LabelledSet set;
  std::unique_ptr<Classifier> model;
  FlatParameters parameters;
  Adam adam;
  std::unique_ptr<Schedule> schedule = make_schedule({});
  Trainer trainer;

  Training(Context& context, const std::string& name, const SeriesShape& shape, int64_t batch)
      : set(series_set(context, shape)),
        model(initialized(make_model(name, {&context}, config_of(shape)))),
        parameters(*model),
        adam(parameters),
        trainer({*model, parameters, adam, *schedule}, set, {}, {}, {.batch_size = batch}) {}

 private:
  static std::unique_ptr<Classifier> initialized(std::unique_ptr<Classifier> model) {
    initialize(*model, 1);
    return model;
  }
};

}  // namespace mellow::bench
