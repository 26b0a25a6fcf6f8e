/*
 * Sparse encode: activation function and compaction in two passes over the rows. The first finds what is active, the
 * second writes it where the row's share of the output begins.
 */
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

/* Sets a bit for each active column; returns how many are set. */
template <bool kBias, bool kThreshold>
int64_t mark(const float *x, const float *bias, const float *threshold, int64_t cols, uint64_t *words) {
  int64_t active = 0;
  for (int64_t c0 = 0; c0 < cols; c0 += 64) {
    uint64_t word = 0;
    if (cols - c0 >= 64) {
#pragma GCC unroll 16
      for (int i = 0; i < 64; i += kLanes) {
        Vec value = load(x + c0 + i);
        if (kBias) value += load(bias + c0 + i);
        if (kThreshold) {
          word |= bits((value > load(threshold + c0 + i)) & (value != Vec{})) << i;
        } else {
          word |= bits(value > Vec{}) << i;
        }
      }
    } else {
      for (int64_t c = c0; c < cols; c++) {
        const float value = kBias ? x[c] + bias[c] : x[c];
        const bool on = kThreshold ? value > threshold[c] && value != 0 : value > 0;
        word |= static_cast<uint64_t>(on) << (c - c0);
      }
    }
    words[c0 / 64] = word;
    active += __builtin_popcountll(word);
  }
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

struct Output {
  int32_t *row, *col;
  float *value;
  int64_t capacity;

  HW_INLINE void put(int64_t at, int64_t r, int64_t c, float x) const {
    if (at >= capacity) return;
    row[at] = static_cast<int32_t>(r);
    col[at] = static_cast<int32_t>(c);
    value[at] = x;
  }
};

/* What of a row is chosen: every rank above `least`, and the first `ties` columns whose rank is `least`. */
struct Choice {
  uint32_t least;
  int64_t ties;
};

/* Finds the k-th largest rank by its digits, the highest first. */
Choice choose(const float *x, const float *bias, int64_t cols, int64_t k) {
  constexpr int kDigits = 3;
  constexpr int kShift[kDigits] = {21, 10, 0};
  constexpr int kBits[kDigits] = {11, 11, 10};
  uint32_t known = 0, mask = 0;
  int64_t left = k;
  for (int d = 0; d < kDigits; d++) {
    int32_t histogram[1 << 11] = {};
    const uint32_t digit_mask = (1u << kBits[d]) - 1;
    for (int64_t c = 0; c < cols; c++) {
      const uint32_t u = rank(biased(x, bias, c));
      if ((u & mask) == known) histogram[(u >> kShift[d]) & digit_mask]++;
    }
    uint32_t digit = digit_mask;
    while (histogram[digit] < left) left -= histogram[digit--];
    known |= digit << kShift[d];
    mask |= digit_mask << kShift[d];
  }
  return {known, left};
}

/* Calls put(column, value) for what is chosen and neither zero nor not-a-number. */
template <class Put>
HW_INLINE void visit(const float *x, const float *bias, int64_t cols, Choice choice, Put put) {
  int64_t ties = choice.ties;
  for (int64_t c = 0; c < cols; c++) {
    const float value = biased(x, bias, c);
    const uint32_t u = rank(value);
    if (u < choice.least || (u == choice.least && ties-- <= 0)) continue;
    if (u != 0 && value != 0) put(c, value);
  }
}

}  // namespace

int32_t encode_threshold(const hw_exec *, const float *pre, int64_t rows, int64_t cols, int64_t stride,
                         const float *bias, const float *threshold, int64_t first_row, int32_t *out_row,
                         int32_t *out_col, float *out_value, int64_t capacity, int64_t *count) {
  const auto mark_row = bias != nullptr ? (threshold != nullptr ? mark<true, true> : mark<true, false>)
                                        : (threshold != nullptr ? mark<false, true> : mark<false, false>);
  const int64_t row_words = ceil_div(cols, 64);
  Buffer<uint64_t> words(rows * row_words);
  Buffer<int64_t> start(rows);
  const Output out = {out_row, out_col, out_value, capacity};
#pragma omp parallel for schedule(dynamic) num_threads(hw::threads())
  for (int64_t r = 0; r < rows; r++) {
    start[r] = r < first_row ? 0
                             : mark_row(pre + r * stride, bias, threshold, cols, words.data() + r * row_words);
  }
  *count = prefix(start.data(), rows);
#pragma omp parallel for schedule(dynamic) num_threads(hw::threads())
  for (int64_t r = first_row; r < rows; r++) {
    const float *x = pre + r * stride;
    int64_t at = start[r];
    for (int64_t w = 0; w < row_words; w++) {
      for (uint64_t word = words[r * row_words + w]; word != 0; word &= word - 1) {
        const int64_t c = w * 64 + __builtin_ctzll(word);
        out.put(at++, r, c, biased(x, bias, c));
      }
    }
  }
  return HW_OK;
}

int32_t encode_topk(const hw_exec *, const float *pre, int64_t rows, int64_t cols, int64_t stride, const float *bias,
                    int64_t k, int64_t first_row, int32_t *out_row, int32_t *out_col, float *out_value,
                    int64_t capacity, int64_t *count) {
  const int64_t wanted = min(k, cols);
  Buffer<Choice> choice(rows);
  Buffer<int64_t> start(rows);
  const Output out = {out_row, out_col, out_value, capacity};
#pragma omp parallel for schedule(dynamic) num_threads(hw::threads())
  for (int64_t r = 0; r < rows; r++) {
    start[r] = 0;
    if (r < first_row || wanted == 0) continue;
    const float *x = pre + r * stride;
    int64_t active = 0;
    choice[r] = choose(x, bias, cols, wanted);
    visit(x, bias, cols, choice[r], [&](int64_t, float) { active++; });
    start[r] = active;
  }
  *count = prefix(start.data(), rows);
  if (wanted == 0) return HW_OK;
#pragma omp parallel for schedule(dynamic) num_threads(hw::threads())
  for (int64_t r = first_row; r < rows; r++) {
    int64_t at = start[r];
    visit(pre + r * stride, bias, cols, choice[r], [&](int64_t c, float x) { out.put(at++, r, c, x); });
  }
  return HW_OK;
}

}  // namespace hw::HW_ISA
