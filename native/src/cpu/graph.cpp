/* Graph mathematics on an edge matrix by runs: row sums, influence, the cut for a share of the edges' scores, what it keeps. */
#include <omp.h>

#include "cpu/cpu.h"
#include "floats.h"

namespace hw::HW_ISA {
namespace {

/* Partial sums of a row, of the columns by their numbers: a fixed order of addition, however zeros cut the row into runs. */
constexpr int kParts = 16;

HW_INLINE double magnitude(float x) { return __builtin_fabsf(x); }

/* |x| if kept, else 0 whatever x is. No branch around a load: GCC 12 miscompiles the masked load it would become. */
HW_INLINE double magnitude(float x, uint8_t kept) {
  return float_of(bits_of(x) & 0x7fffffffu & -static_cast<uint32_t>(kept != 0));
}

/* Over the kept columns among first .. end - 1. */
template <bool kKeep>
double row_sum(const hw_edges &edges, int64_t r, const uint8_t *keep, int64_t first, int64_t end) {
  double part[kParts] = {};
  for (int64_t k = edges.run_start[r]; k < edges.run_start[r + 1]; k++) {
    const int64_t from = max(first, edges.column[k]);
    const float *value = edges.value[k] + (from - edges.column[k]);
    const uint8_t *kept = kKeep ? keep + from : nullptr;
    const int64_t n = min(end, edges.column[k] + edges.length[k]) - from;
    const auto one = [&](int64_t i) {
      part[(from + i) % kParts] += kKeep ? magnitude(value[i], kept[i]) : magnitude(value[i]);
    };
    int64_t i = 0;
    for (; i < n && (from + i) % kParts != 0; i++) one(i);
    for (; i + kParts <= n; i += kParts) {
      for (int j = 0; j < kParts; j++) {
        part[j] += kKeep ? magnitude(value[i + j], kept[i + j]) : magnitude(value[i + j]);
      }
    }
    for (; i < n; i++) one(i);
  }
  for (int half = kParts / 2; half > 0; half /= 2) {
    for (int j = 0; j < half; j++) part[j] += part[j + half];
  }
  return part[0];
}

/* influence[i] += c * |value[i]| where kept. */
void spread(double c, const float *__restrict value, const uint8_t *__restrict kept, int64_t n,
            double *__restrict influence) {
  if (kept == nullptr) {
    for (int64_t i = 0; i < n; i++) influence[i] += c * magnitude(value[i]);
  } else {
    for (int64_t i = 0; i < n; i++) influence[i] += c * magnitude(value[i], kept[i]);
  }
}

void spread_row(const hw_edges &edges, int64_t r, double c, const uint8_t *keep, double *influence) {
  constexpr int64_t kLong = 1 << 17; /* columns from which threads pay */
  constexpr int64_t kShare = 1 << 14;
  const int64_t first = edges.run_start[r], end = edges.run_start[r + 1];
  const auto kept = [&](int64_t k) { return keep == nullptr ? nullptr : keep + edges.column[k]; };
  int64_t columns = 0;
  for (int64_t k = first; k < end; k++) columns += edges.length[k];
  if (columns < kLong) {
    for (int64_t k = first; k < end; k++) {
      spread(c, edges.value[k], kept(k), edges.length[k], influence + edges.column[k]);
    }
    return;
  }
#pragma omp parallel num_threads(hw::threads())
  for (int64_t k = first; k < end; k++) {
    const int64_t n = edges.length[k];
#pragma omp for schedule(static) nowait
    for (int64_t i = 0; i < n; i += kShare) {
      spread(c, edges.value[k] + i, kept(k) == nullptr ? nullptr : kept(k) + i, min(kShare, n - i),
             influence + edges.column[k] + i);
    }
  }
}

/*
 * The cut. Positive doubles order as their bit patterns do, so the cut is found digit by digit, the highest first, each
 * by a histogram of the scores that share the digits known so far. Scores of a bin share their exponent; a bin adds up
 * their mantissas as integers, so that sums are exact and threads may add in any order.
 */
__extension__ typedef unsigned __int128 Mantissas;

constexpr int kDigitBits = 16;
constexpr int64_t kBins = int64_t{1} << kDigitBits;
constexpr uint64_t kInfinity = uint64_t{0x7ff} << 52;

HW_INLINE uint64_t pattern_of(double x) {
  uint64_t u;
  __builtin_memcpy(&u, &x, sizeof u);
  return u;
}

HW_INLINE uint64_t mantissa(uint64_t pattern) {
  const uint64_t hidden = uint64_t{1} << 52;
  return pattern < hidden ? pattern : (pattern & (hidden - 1)) | hidden;
}

/* The sum of a bin whose scores have the pattern's exponent. */
HW_INLINE double sum_of(Mantissas mantissas, uint64_t pattern) {
  const int exponent = static_cast<int>(max(1, static_cast<int64_t>(pattern >> 52)));
  return __builtin_ldexp(static_cast<double>(mantissas), exponent - 1075);
}

constexpr int64_t kBlock = 64; /* scores that are looked at together */

struct Scores {
  const hw_edges &edges;
  const double *coefficient;
  const uint8_t *keep;

  /* Calls visit(score, n, k, i) with the scores of n <= kBlock edges, those of run k from its i-th on; not kept ones are 0. */
  template <class Visit>
  HW_INLINE void visit_row(int64_t r, Visit visit) const {
    const double c = coefficient[r];
    if (c == 0) return;
    double score[kBlock];
    for (int64_t k = edges.run_start[r]; k < edges.run_start[r + 1]; k++) {
      for (int64_t i0 = 0; i0 < edges.length[k]; i0 += kBlock) {
        const int64_t n = min(kBlock, edges.length[k] - i0);
        const float *value = edges.value[k] + i0;
        if (keep == nullptr) {
          for (int64_t i = 0; i < n; i++) score[i] = c * magnitude(value[i]);
        } else {
          const uint8_t *kept = keep + edges.column[k] + i0;
          for (int64_t i = 0; i < n; i++) score[i] = c * magnitude(value[i], kept[i]);
        }
        visit(score, n, k, i0);
      }
    }
  }
};

/* Sums by the digit at `shift` of the scores whose higher digits are `known`; returns whether all scores are finite. */
bool histogram(const Scores &scores, int shift, uint64_t known, Mantissas *bins, int team) {
  const uint64_t least = max(uint64_t{1}, known << kDigitBits << shift); /* zeros count nowhere */
  const uint64_t most =
      (known << kDigitBits << shift) | ((uint64_t{1} << shift << kDigitBits / 2 << kDigitBits / 2) - 1);
  int finite = 1;
#pragma omp parallel num_threads(team) reduction(& : finite)
  {
    Mantissas *own = bins + omp_get_thread_num() * kBins;
    __builtin_memset(own, 0, kBins * sizeof *own);
#pragma omp for schedule(dynamic, 8)
    for (int64_t r = 0; r < scores.edges.rows; r++) {
      scores.visit_row(r, [&](const double *score, int64_t n, int64_t, int64_t) {
        int64_t infinite = 0, count = 0;
        for (int64_t i = 0; i < n; i++) {
          infinite += pattern_of(score[i]) >= kInfinity;
          count += pattern_of(score[i]) - least <= most - least;
        }
        if (infinite > 0) finite = 0;
        if (count == 0) return;
        uint64_t here[kBlock]; /* those that count, brought together without branches */
        int64_t found = 0;
        for (int64_t i = 0; i < n; i++) {
          here[found] = pattern_of(score[i]);
          found += here[found] - least <= most - least;
        }
        for (int64_t i = 0; i < found; i++) own[here[i] >> shift & (kBins - 1)] += mantissa(here[i]);
      });
    }
    const int members = omp_get_num_threads();
#pragma omp for schedule(static)
    for (int64_t b = 0; b < kBins; b++) {
      for (int i = 1; i < members; i++) bins[b] += bins[i * kBins + b];
    }
  }
  return finite != 0;
}

}  // namespace

int32_t row_sums(const hw_edges *edges, const uint8_t *keep, double *sum) {
  int64_t first = 0, end = edges->columns; /* all kept columns are among them */
  while (keep != nullptr && first < end && !keep[first]) first++;
  while (keep != nullptr && first < end && !keep[end - 1]) end--;
  const auto of_row = keep == nullptr ? row_sum<false> : row_sum<true>;
#pragma omp parallel for schedule(dynamic, 8) num_threads(hw::threads())
  for (int64_t r = 0; r < edges->rows; r++) sum[r] = of_row(*edges, r, keep, first, end);
  return HW_OK;
}

int32_t influence(const hw_edges *edges, const int64_t *order, int64_t n, const int64_t *node, const double *weight,
                  const uint8_t *keep, double floor, double *row_scale, double *passed, double *influence) {
  const auto of_row = keep == nullptr ? row_sum<false> : row_sum<true>;
#pragma omp parallel for schedule(dynamic, 8) num_threads(hw::threads())
  for (int64_t i = 0; i < n; i++) {
    double &scale = row_scale[order[i]];
    if (scale >= 0) continue;
    const double sum = of_row(*edges, order[i], keep, 0, edges->columns);
    scale = 1 / (sum < floor ? floor : sum);
  }
  if (passed == nullptr) {
    for (int64_t c = 0; c < edges->columns; c++) influence[c] = 0;
  }
  /* One thread: it keeps up with memory, and threads that wait for each other at every few rows take longer. */
  for (int64_t i = 0; i < n; i++) {
    const int64_t r = order[i];
    const double c = (weight[node[r]] + influence[node[r]]) * row_scale[r];
    const double change = passed == nullptr ? c : c - passed[r];
    if (passed != nullptr) passed[r] = c;
    if (change != 0) spread_row(*edges, r, change, keep, influence);
  }
  return HW_OK;
}

int32_t edge_cut(const hw_edges *edges, const double *coefficient, const uint8_t *keep, double share, double *cut) {
  const Scores scores = {*edges, coefficient, keep};
  const int team = hw::threads();
  Buffer<Mantissas> bins(team * kBins);
  uint64_t known = 0;
  double above = 0, goal = 0; /* the sum of the scores over the known digits; what it has to reach */
  for (int shift = 64 - kDigitBits; shift >= 0; shift -= kDigitBits) {
    if (!histogram(scores, shift, known, bins.data(), team)) {
      fail(HW_INVALID, "hw_edge_cut: an edge is not a finite number");
    }
    const auto sum = [&](int64_t b) {
      return sum_of(bins[b], (known << kDigitBits | static_cast<uint64_t>(b)) << shift);
    };
    if (shift == 64 - kDigitBits) {
      double total = 0;
      for (int64_t b = kBins - 1; b >= 0; b--) total += sum(b);
      goal = share >= 1 ? __builtin_inf() : share * total;
      if (total == 0) {
        *cut = __builtin_inf();
        return HW_OK;
      }
    }
    int64_t digit = -1;
    bool reached = false;
    for (int64_t b = kBins - 1; b >= 0 && !reached; b--) {
      if (bins[b] == 0) continue;
      digit = b;
      reached = above + sum(b) >= goal;
      if (!reached) above += sum(b);
    }
    if (!reached) goal = __builtin_inf(); /* rounding kept the sum below the goal: the cut is the last score here */
    known = known << kDigitBits | static_cast<uint64_t>(digit);
  }
  __builtin_memcpy(cut, &known, sizeof known);
  return HW_OK;
}

int32_t edges_above(const hw_edges *edges, const double *coefficient, const uint8_t *keep, double cut,
                    int64_t *row_start, int32_t *column, float *value, int64_t capacity) {
  const Scores scores = {*edges, coefficient, keep};
  row_start[0] = 0;
#pragma omp parallel for schedule(dynamic, 8) num_threads(hw::threads())
  for (int64_t r = 0; r < edges->rows; r++) {
    int64_t count = 0;
    scores.visit_row(r, [&](const double *score, int64_t n, int64_t, int64_t) {
      for (int64_t i = 0; i < n; i++) count += score[i] >= cut;
    });
    row_start[r + 1] = count;
  }
  for (int64_t r = 0; r < edges->rows; r++) row_start[r + 1] += row_start[r];
  if (row_start[edges->rows] > capacity) return HW_OK;
#pragma omp parallel for schedule(dynamic, 8) num_threads(hw::threads())
  for (int64_t r = 0; r < edges->rows; r++) {
    int64_t at = row_start[r];
    scores.visit_row(r, [&](const double *score, int64_t n, int64_t k, int64_t i0) {
      for (int64_t i = 0; i < n; i++) {
        if (!(score[i] >= cut)) continue; /* not a number is not above */
        column[at] = static_cast<int32_t>(edges->column[k] + i0 + i);
        value[at++] = edges->value[k][i0 + i];
      }
    });
  }
  return HW_OK;
}

}  // namespace hw::HW_ISA
