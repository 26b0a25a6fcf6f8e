/*
 * Sparse encode: activation function and compaction in two passes over the rows. The first finds what is active, the
 * second writes it where the row's share of the output begins.
 */
#include <omp.h>

#include "cpu/cpu.h"
#include "floats.h"

namespace hw::HW_ISA {
namespace {

using IntVec = int32_t __attribute__((vector_size(kLanes * sizeof(float))));

/* One bit per lane: lane 0 is bit 0. */
HW_INLINE uint64_t bits(IntVec truth) {
#if defined(__AVX512F__)
  return _mm512_movepi32_mask(reinterpret_cast<__m512i>(truth));
#elif defined(__AVX2__)
  return static_cast<uint32_t>(_mm256_movemask_ps(reinterpret_cast<__m256>(truth)));
#elif defined(__SSE2__)
  return static_cast<uint32_t>(_mm_movemask_ps(reinterpret_cast<__m128>(truth)));
#else
  uint64_t word = 0;
  for (int i = 0; i < kLanes; i++) word |= static_cast<uint64_t>(truth[i] & 1) << i;
  return word;
#endif
}

HW_INLINE float biased(const float *x, const float *bias, int64_t c) { return bias == nullptr ? x[c] : x[c] + bias[c]; }

/* What is active: a truth for a vector of columns from c, or for column c. */
struct Positive {
  HW_INLINE IntVec operator()(Vec x, int64_t) const { return x > Vec{}; }
  HW_INLINE bool operator()(float x, int64_t) const { return x > 0; }
};

struct AboveThreshold {
  const float *threshold;
  HW_INLINE IntVec operator()(Vec x, int64_t c) const { return (x > load(threshold + c)) & (x != Vec{}); }
  HW_INLINE bool operator()(float x, int64_t c) const { return x > threshold[c] && x != 0; }
};

struct AtLeast {
  float bound;
  HW_INLINE IntVec operator()(Vec x, int64_t) const { return x >= broadcast(bound); }
  HW_INLINE bool operator()(float x, int64_t) const { return x >= bound; }
};

/* Sets a bit for each active column; returns how many are set. */
template <class Active>
int64_t mark(const float *x, const float *bias, int64_t cols, Active active, uint64_t *words) {
  int64_t count = 0;
  for (int64_t c0 = 0; c0 < cols; c0 += 64) {
    uint64_t word = 0;
    if (cols - c0 >= 64) {
#pragma GCC unroll 16
      for (int i = 0; i < 64; i += kLanes) {
        const Vec value = load(x + c0 + i);
        word |= bits(active(bias == nullptr ? value : value + load(bias + c0 + i), c0 + i)) << i;
      }
    } else {
      for (int64_t c = c0; c < cols; c++) word |= static_cast<uint64_t>(active(biased(x, bias, c), c)) << (c - c0);
    }
    words[c0 / 64] = word;
    count += __builtin_popcountll(word);
  }
  return count;
}

/* What of a sequence is chosen: every rank above `least`, and the first `ties` whose rank is `least`. */
struct Choice {
  uint32_t least;
  int64_t ties;
};

/* Finds the k-th largest rank of n by its digits, the highest first. */
Choice choose(const float *x, int64_t n, int64_t k) {
  uint32_t known = 0, mask = 0;
  int64_t left = k;
  for (int shift = 24; shift >= 0; shift -= 8) {
    int64_t histogram[256] = {};
    for (int64_t i = 0; i < n; i++) {
      const uint32_t u = rank(x[i]);
      if ((u & mask) == known) histogram[u >> shift & 255u]++;
    }
    uint32_t digit = 255;
    while (histogram[digit] < left) left -= histogram[digit--];
    known |= digit << shift;
    mask |= 255u << shift;
  }
  return {known, left};
}

/* A number that at least k of the columns reach: the k-th largest of the maxima of `groups` groups of columns. */
float bound_of(const float *x, const float *bias, int64_t cols, int64_t k, int64_t groups, float *maxima) {
  for (int64_t i = 0; i < groups; i++) maxima[i] = -__builtin_inff();
  for (int64_t c0 = 0; c0 < cols; c0 += groups) {
    const int64_t n = min(groups, cols - c0);
    if (bias == nullptr) {
      for (int64_t i = 0; i < n; i++) maxima[i] = x[c0 + i] > maxima[i] ? x[c0 + i] : maxima[i];
    } else {
      for (int64_t i = 0; i < n; i++) {
        const float value = x[c0 + i] + bias[c0 + i];
        maxima[i] = value > maxima[i] ? value : maxima[i];
      }
    }
  }
  const uint32_t least = choose(maxima, groups, k).least;
  return float_of(least & 0x80000000u ? least & 0x7fffffffu : ~least);
}

template <class Visit>
HW_INLINE void visit(uint64_t *words, int64_t cols, Visit visit_column) {
  for (int64_t w = 0; w < ceil_div(cols, 64); w++) {
    for (uint64_t word = words[w]; word != 0; word &= word - 1) visit_column(w * 64 + __builtin_ctzll(word));
  }
}

/*
 * Sets a bit for each of the k largest columns that is not zero; returns how many are set. What can't be among them is
 * sieved out first. values: room for cols floats.
 */
int64_t mark_largest(const float *x, const float *bias, int64_t cols, int64_t k, uint64_t *words, float *values) {
  const int64_t groups = round_up(2 * k, 64);
  const float bound = 2 * groups <= cols ? bound_of(x, bias, cols, k, groups, values) : -__builtin_inff();
  const int64_t candidates = mark(x, bias, cols, AtLeast{bound}, words);
  if (candidates == 0) return 0; /* not-a-numbers only */
  int64_t n = 0;
  visit(words, cols, [&](int64_t c) { values[n++] = biased(x, bias, c); });
  Choice choice = choose(values, candidates, min(k, candidates));
  int64_t active = 0, i = 0;
  visit(words, cols, [&](int64_t c) {
    const float value = values[i++];
    const uint32_t u = rank(value);
    const bool chosen = u > choice.least || (u == choice.least && choice.ties-- > 0);
    if (chosen && value != 0) {
      active++;
    } else {
      words[c / 64] &= ~(uint64_t{1} << (c % 64));
    }
  });
  return active;
}

/* Replaces the rows' counts by where each row begins in the output; returns the sum. */
int64_t prefix(int64_t *start, int64_t rows) {
  int64_t total = 0;
  for (int64_t r = 0; r < rows; r++) {
    const int64_t count = start[r];
    start[r] = total;
    total += count;
  }
  return total;
}

HW_INLINE void put(const hw_active &out, int64_t at, int64_t r, int64_t c, float x) {
  if (at >= out.capacity) return;
  out.row[at] = static_cast<int32_t>(r);
  out.column[at] = static_cast<int32_t>(c);
  out.value[at] = x;
}

/* Both passes; mark_row(r, words) is the first. */
template <class MarkRow>
int64_t encode(int team, const hw_matrix &pre, const float *bias, int64_t first_row, const hw_active &out,
               MarkRow mark_row) {
  const int64_t rows = pre.rows, cols = pre.columns;
  const int64_t row_words = ceil_div(cols, 64);
  Buffer<uint64_t> words(rows * row_words);
  Buffer<int64_t> start(rows);
#pragma omp parallel for schedule(dynamic) num_threads(team)
  for (int64_t r = 0; r < rows; r++) start[r] = r < first_row ? 0 : mark_row(r, words.data() + r * row_words);
  const int64_t count = prefix(start.data(), rows);
#pragma omp parallel for schedule(dynamic) num_threads(team)
  for (int64_t r = first_row; r < rows; r++) {
    int64_t at = start[r];
    visit(words.data() + r * row_words, cols,
          [&](int64_t c) { put(out, at++, r, c, biased(pre.data + r * cols, bias, c)); });
  }
  return count;
}

}  // namespace

int32_t encode_threshold(const hw_exec *, const hw_matrix *pre, const hw_vector *bias, const hw_vector *threshold,
                         int64_t first_row, hw_active *out) {
  const int64_t cols = pre->columns;
  out->count = encode(hw::threads(), *pre, bias->data, first_row, *out, [=](int64_t r, uint64_t *words) {
    const float *x = pre->data + r * cols;
    return threshold->data == nullptr ? mark(x, bias->data, cols, Positive{}, words)
                                      : mark(x, bias->data, cols, AboveThreshold{threshold->data}, words);
  });
  return HW_OK;
}

int32_t encode_topk(const hw_exec *, const hw_matrix *pre, const hw_vector *bias, int64_t k, int64_t first_row,
                    hw_active *out) {
  out->count = 0;
  const int64_t cols = pre->columns, wanted = min(k, cols);
  if (wanted == 0) return HW_OK;
  const int team = hw::threads();
  const Buffer<float> values(team * cols);
  float *each = values.data();
  out->count = encode(team, *pre, bias->data, first_row, *out, [=](int64_t r, uint64_t *words) {
    return mark_largest(pre->data + r * cols, bias->data, cols, wanted, words, each + omp_get_thread_num() * cols);
  });
  return HW_OK;
}

}  // namespace hw::HW_ISA
