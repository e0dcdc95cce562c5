// SPDX-License-Identifier: MIT
#include "mellow/tools/study/synthetic_replicate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mellow/data/generate.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/core/random.h"
#include "mellow/engine/train/metrics.h"
#include "mellow/engine/train/small_mlp_trainer.h"
#include "mellow/engine/train/temperature_scaling.h"
#include "mellow/losses/instance_smoothing.h"

namespace mellow::tools {
namespace {

constexpr int64_t classes = 3, per_class = 50, test_per_class = 5000;
constexpr TemperatureBounds paper_bounds{0.8, 3};
constexpr double none = std::numeric_limits<double>::quiet_NaN();

constexpr std::array p1_grid = {.75, .775, .8, .825, .85};
constexpr std::array p2_grid = {.75, 1., 1.25, 1.5, 1.75, 2.};
constexpr std::array teacher_temperatures = {1., 2., 4., 8., 16.};

// Numbers of the trainings, from which their seeds are made: one block per method.
enum Block : uint64_t {
  no_ls_block = 0,
  ls_block = 100,
  ils1_block = 200,
  ils2_block = 300,
  ils_block = 400,
  self_block = 600
};

uint64_t seed_of(uint64_t seed, RandomStream stream, int64_t replicate, uint64_t number) {
  const RandomWords w = random_words(seed, stream, static_cast<uint64_t>(replicate), number);
  return (uint64_t{w[0]} << 32) | w[1];
}

struct Choice {
  double epsilon = none, p1 = none, p2 = none, teacher_temperature = none;
};

// A trained network with what selection looks at.
struct Candidate {
  TrainedMlp network;
  Choice choice;
  std::vector<double> validation_logits;
  double temperature, scaled_nll;  // fitted on the validation set, and the cross-entropy it leaves
};

std::vector<double> divided(std::vector<double> logits, double temperature) {
  for (double& z : logits) z /= temperature;
  return logits;
}

std::vector<double> softmax_of(const std::vector<double>& logits, double temperature) {
  std::vector<float> z;
  for (const double v : logits) z.push_back(static_cast<float>(v / temperature));
  return probabilities_of(z, classes);
}

// The candidate with the lowest criterion; ties: the first.
template <class Criterion>
const Candidate& best(const std::vector<Candidate>& all, Criterion&& criterion) {
  return *std::min_element(all.begin(), all.end(), [&](const Candidate& a, const Candidate& b) {
    return criterion(a) < criterion(b);
  });
}
double plain(const Candidate& c) { return c.network.validation_nll; }
double scaled(const Candidate& c) { return c.scaled_nll; }

class Replicate {
 public:
  Replicate(uint64_t seed, int64_t replicate, double lr, const std::function<bool()>& stop)
      : seed_(seed), replicate_(replicate), stop_(stop), trainer_({.lr = lr}) {
    const uint64_t data = seed_of(seed, RandomStream::generate, replicate, 0);
    train_ = generate_mixture(data, 0, per_class);
    validation_ = generate_mixture(data, 1, per_class);
    test_ = generate_mixture(data, 2, test_per_class);
    for (Scores& scores : result_.scores) scores.fill(none);
  }

  ReplicateResult run() {
    add_bayes();
    const Candidate teacher = fit_hard();
    const auto smoothed = fit_smoothed();
    add_both("no-ls", teacher, teacher);
    const std::vector<Candidate> tuned(smoothed.begin(), smoothed.end() - 1);
    const Candidate &ls = best(tuned, plain), &fixed = smoothed.back();
    add_both("ls", ls, best(tuned, scaled));
    add_both("ls-0.2", fixed, fixed);
    add("ls-dense", best(tuned, [&](const Candidate& c) { return nll_of_part(c, 0); }), 1);
    add("ls-sparse", best(tuned, [&](const Candidate& c) { return nll_of_part(c, 1); }), 1);
    add_curve(smoothed, train_.set, result_.curves[0]);
    add_curve(smoothed, test_.set, result_.curves[1]);
    add_grid("ils1", fit_ils1(teacher));
    add_grid("ils2", fit_ils2(teacher));
    const auto ils = fit_ils(teacher);
    add_grid("ils", ils);
    add_students(teacher, ls, best(ils, plain));
    return result_;
  }

 private:
  Candidate fit(const std::vector<double>& targets, uint64_t number, const Choice& choice) {
    if (stop_()) throw Error("interrupted", ErrorKind::cancelled);
    Candidate c{trainer_.train({train_.set.values, train_.set.labels}, targets,
                               {validation_.set.values, validation_.set.labels},
                               seed_of(seed_, RandomStream::init, replicate_, number)),
                choice,
                {},
                1,
                0};
    c.validation_logits = trainer_.logits(c.network, validation_.set.values);
    c.temperature = fit_temperature(c.validation_logits, validation_.set.labels, classes, paper_bounds);
    c.scaled_nll = mean_nll(divided(c.validation_logits, c.temperature), validation_.set.labels, classes);
    result_.trainings += 1;
    result_.epochs += static_cast<double>(c.network.epochs);
    return c;
  }

  std::vector<double> all_equal(double epsilon) const {
    return std::vector<double>(train_.set.labels.size(), epsilon);
  }

  Candidate fit_hard() {
    return fit(smoothed_labels(train_.set.labels, classes, all_equal(0)), no_ls_block, {});
  }

  std::vector<Candidate> fit_smoothed() {
    std::vector<Candidate> all;
    for (const double epsilon : smoothing_grid)
      all.push_back(fit(smoothed_labels(train_.set.labels, classes, all_equal(epsilon)),
                        ls_block + all.size(), {.epsilon = epsilon}));
    return all;
  }

  // ε of each training instance, from the temperature-scaled teacher.
  std::vector<double> instance_epsilons(const Candidate& teacher, double p1, double p2) {
    const auto p = softmax_of(trainer_.logits(teacher.network, train_.set.values), teacher.temperature);
    std::vector<double> epsilons;
    for (size_t i = 0; i < train_.set.labels.size(); ++i)
      epsilons.push_back(
          instance_epsilon(p[i * classes + static_cast<size_t>(train_.set.labels[i])], p1, p2));
    return epsilons;
  }

  std::vector<Candidate> fit_ils1(const Candidate& teacher) {
    std::vector<Candidate> all;
    for (const double p1 : p1_grid)
      for (const double p2 : p2_grid)
        all.push_back(fit(smoothed_labels(train_.set.labels, classes, instance_epsilons(teacher, p1, p2)),
                          ils1_block + all.size(), {.p1 = p1, .p2 = p2}));
    return all;
  }

  std::vector<Candidate> fit_ils2(const Candidate& teacher) {
    const auto logits = trainer_.logits(teacher.network, train_.set.values);
    std::vector<Candidate> all;
    for (size_t i = 0; i < tuned_factors; ++i)
      for (const double t : teacher_temperatures)
        all.push_back(
            fit(teacher_shaped_labels(train_.set.labels, classes, all_equal(smoothing_grid[i]), logits, t),
                ils2_block + all.size(), {.epsilon = smoothing_grid[i], .teacher_temperature = t}));
    return all;
  }

  std::vector<Candidate> fit_ils(const Candidate& teacher) {
    const auto logits = trainer_.logits(teacher.network, train_.set.values);
    std::vector<Candidate> all;
    for (const double p1 : p1_grid)
      for (const double p2 : p2_grid) {
        const auto epsilons = instance_epsilons(teacher, p1, p2);
        for (const double t : teacher_temperatures)
          all.push_back(fit(teacher_shaped_labels(train_.set.labels, classes, epsilons, logits, t),
                            ils_block + all.size(), {.p1 = p1, .p2 = p2, .teacher_temperature = t}));
      }
    return all;
  }

  // Self-distillation: a student learns a teacher's probabilities and no labels.
  void add_students(const Candidate& no_ls, const Candidate& ls, const Candidate& ils) {
    uint64_t number = self_block;
    add("self-bayes", fit(mixture_posterior(train_.set.values), number++, {}), 1);
    const std::pair<const char*, const Candidate*> teachers[] = {
        {"self-no-ls", &no_ls}, {"self-ls", &ls}, {"self-ils", &ils}};
    for (const auto& [name, teacher] : teachers)
      add(name, fit(softmax_of(trainer_.logits(teacher->network, train_.set.values), 1), number++, {}), 1);
  }

  // Validation cross-entropy over the points of one kind of component.
  double nll_of_part(const Candidate& c, uint8_t sparse_part) const {
    std::vector<double> logits;
    std::vector<int32_t> labels;
    for (size_t i = 0; i < validation_.sparse.size(); ++i) {
      if (validation_.sparse[i] != sparse_part) continue;
      const auto row = c.validation_logits.begin() + static_cast<int64_t>(i) * classes;
      logits.insert(logits.end(), row, row + classes);
      labels.push_back(validation_.set.labels[i]);
    }
    return mean_nll(logits, labels, classes);
  }

  Scores& scores_of(std::string_view method) {
    const auto at = std::find(study_methods.begin(), study_methods.end(), method) - study_methods.begin();
    return result_.scores.at(static_cast<size_t>(at));
  }

  void add_test_scores(const std::vector<double>& p, Scores& s) const {
    const Metrics m = score(p, test_.set.labels, classes);
    const auto predicted = predictions_of(p, classes);
    double hits[2] = {0, 0}, counts[2] = {0, 0};
    for (size_t i = 0; i < predicted.size(); ++i) {
      counts[test_.sparse[i]] += 1;
      hits[test_.sparse[i]] += predicted[i] == test_.set.labels[i];
    }
    s[accuracy] = m.accuracy;
    s[dense] = hits[0] / counts[0];
    s[sparse] = hits[1] / counts[1];
    s[ce] = m.nll;
    s[ece] = m.ece;
    s[cwece] = m.cwece;
    s[cwece_cc] = m.cwece_cc;
  }

  void add_bayes() {
    Scores& s = scores_of("bayes");
    add_test_scores(mixture_posterior(test_.set.values), s);
    s[validation_ce] = score(mixture_posterior(validation_.set.values), validation_.set.labels, classes).nll;
  }

  void add(std::string_view method, const Candidate& c, double at_temperature) {
    Scores& s = scores_of(method);
    add_test_scores(softmax_of(trainer_.logits(c.network, test_.set.values), at_temperature), s);
    s[validation_ce] = at_temperature == 1 ? plain(c) : scaled(c);
    s[temperature] = at_temperature;
    s[epsilon] = c.choice.epsilon;
    s[p1] = c.choice.p1;
    s[p2] = c.choice.p2;
    s[teacher_temperature] = c.choice.teacher_temperature;
  }
  void add_both(const std::string& method, const Candidate& unscaled, const Candidate& for_scaling) {
    add(method, unscaled, 1);
    add(method + "+t", for_scaling, for_scaling.temperature);
  }
  void add_grid(const std::string& method, const std::vector<Candidate>& all) {
    add_both(method, best(all, plain), best(all, scaled));
  }

  // p_y of the Bayes-optimal classifier against that of each LS network, by bins of the former.
  void add_curve(const std::vector<Candidate>& students, const SeriesSet& points, Curve& curve) {
    const auto true_class = [&](const std::vector<double>& p, size_t i) {
      return p[i * classes + static_cast<size_t>(points.labels[i])];
    };
    const auto teacher = mixture_posterior(points.values);
    std::vector<CurveBin*> bins;  // of each point; null below the curve
    for (size_t i = 0; i < points.labels.size(); ++i) {
      const double p = true_class(teacher, i);
      const double place = (p - curve_low) / (curve_high - curve_low) * static_cast<double>(curve_bins);
      bins.push_back(place <= 0 ? nullptr : &curve[std::min(curve_bins - 1, static_cast<size_t>(place))]);
      if (bins[i] == nullptr) continue;
      bins[i]->count += 1;
      bins[i]->teacher += p;
    }
    for (size_t student = 0; student < students.size(); ++student) {
      const auto p = softmax_of(trainer_.logits(students[student].network, points.values), 1);
      for (size_t i = 0; i < bins.size(); ++i)
        if (bins[i] != nullptr) bins[i]->student[student] += true_class(p, i);
    }
  }

  uint64_t seed_;
  int64_t replicate_;
  const std::function<bool()>& stop_;
  SmallMlpTrainer trainer_;
  Mixture train_, validation_, test_;
  ReplicateResult result_;
};

}  // namespace

ReplicateResult run_replicate(uint64_t seed, int64_t replicate, double lr,
                              const std::function<bool()>& stop) {
  return Replicate(seed, replicate, lr, stop).run();
}

}  // namespace mellow::tools
