// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace mellow {

// Scores of predicted probabilities p against labels y, all in double.
struct Metrics {
  double accuracy = 0;  // ties: lowest index
  double nll = 0;       // mean −log p_y, p clipped to [1e-15, 1 − 1e-15]
  double brier = 0;     // mean Σ_k (p_k − e_k)²
  double ece = 0;       // top-1 expected calibration error, 15 equal bins (lo, hi]
  double cwece = 0;     // class-wise: mean over classes of the error of p_k, all samples binned by p_k
  double cwece_cc = 0;  // class-conditioned: mean over true classes of the top-1 ECE of their samples
  double macro_f1 = 0;  // mean over the classes that occur as label or prediction
  // PCE (Wang et al., IJCNN 2017): error rate / classes. Its mean over data sets is MPCE.
  double per_class_error = 0;
  // 1 − S of Shen et al. (ICLR 2021, eq. 2): mean over the classes c that occur of the mean ‖p − p̄_c‖² of
  // their samples. In [0, 1 − 1/classes]; lower: more of what tells samples of a class apart is gone.
  double instability = 0;
};

// probabilities row-major [samples, classes], labels [samples] in [0, classes); at least one sample.
Metrics score(std::span<const double> probabilities, std::span<const int32_t> labels, int64_t classes);

// Number of samples by label and prediction: row-major [classes (labels), classes (predictions)].
std::vector<int64_t> confusion_matrix(std::span<const int32_t> predicted, std::span<const int32_t> labels,
                                      int64_t classes);

// Softmax of each row of logits / temperature, in double.
std::vector<double> probabilities_of(std::span<const float> logits, int64_t classes, double temperature = 1);
std::vector<double> probabilities_of(std::span<const double> logits, int64_t classes, double temperature = 1);

// Index of the largest probability of each row; ties: lowest index.
std::vector<int32_t> predictions_of(std::span<const double> probabilities, int64_t classes);

// Throws, naming `where`, unless every label lies in [0, classes).
void check_labels(const char* where, std::span<const int32_t> labels, int64_t classes);
// The same, and unless there are samples and as many rows of values [samples, classes] as labels.
void check_scored(const char* where, std::span<const double> values, std::span<const int32_t> labels,
                  int64_t classes);

}  // namespace mellow
