/* Fixed-point arithmetic that kernels share. */
#ifndef EK_FIXED_POINT_H
#define EK_FIXED_POINT_H

#include <stdint.h>

/* The sum, which wraps: what a damaged file holds may leave int32. */
static inline int32_t ek_add(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

/* What numbers of 8 bits less a zero point are multiplied as. Compilers multiply and add pairs of
 * int16 in vectors; a small core would spend two instructions on the conversion. */
#if UINTPTR_MAX > 0xffffffff
#define EK_FACTOR int16_t
#else
#define EK_FACTOR int32_t
#endif

/* a * b. A core whose products have 32 bits (Cortex-M0, M23) makes it of four of them, in half the
 * instructions of the function that compilers call. */
static inline int64_t ek_wide_product(int32_t a, int32_t b)
{
#if defined(__thumb__) && !defined(__thumb2__)
    const int32_t a_low = a & 0xffff, a_high = a >> 16, b_low = b & 0xffff, b_high = b >> 16;
    const uint32_t low = (uint32_t)a_low * (uint32_t)b_low;
    const int32_t first = a_high * b_low + (int32_t)(low >> 16);
    const int32_t second = a_low * b_high + (first & 0xffff);
    const int32_t high = a_high * b_high + (first >> 16) + (second >> 16);
    return (int64_t)((uint64_t)(uint32_t)high << 32 | (uint32_t)a * (uint32_t)b);
#else
    return (int64_t)a * b;
#endif
}

/* total * multiplier * 2^(shift - 31), rounded once, halves up: MultiplyByQuantizedMultiplier of
 * TFLite with TFLITE_SINGLE_ROUNDING. The shift is in [-31, 30]; what leaves int32 wraps. */
static inline int32_t ek_rescale_once(int32_t total, int32_t multiplier, int32_t shift)
{
    const int32_t right = 31 - shift;
#if UINTPTR_MAX > 0xffffffff
    const int64_t product =
        ek_wide_product(total, multiplier) + ((int64_t)1 << (right - 1));
    return (int32_t)(uint32_t)(uint64_t)(product >> right);
#else
    /* The same without shifting 64 bits, which is slow here: half is twice the result. */
    const int64_t product = ek_wide_product(total, multiplier);
    const int32_t high = (int32_t)(product >> 32);
    if (right > 32) {
        const int32_t half = high >> (right - 33);
        return (half >> 1) + (half & 1);
    }
    const uint32_t half = (uint32_t)(uint64_t)product >> (right - 1);
    return (int32_t)(((uint32_t)high << (32 - right)) + (half >> 1) + (half & 1));
#endif
}

/* value / 2^right, halves away from zero: gemmlowp's RoundingDivideByPOT. right is in [0, 31]. */
static inline int32_t ek_rounding_shift(int32_t value, int32_t right)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << right) - 1);
    return (value >> right) + ((value & mask) > (mask >> 1) + (value < 0));
}

#if defined(__thumb__) && !defined(__thumb2__) && __ARM_ARCH_PROFILE == 'M'
/* The assembly of ek_doubled_high for low registers, of which a is the result and all change: the
 * last addition rounds by the carry, which is the last bit that a shift moves out. */
#define EK_DOUBLED_HIGH(a, b, a_low, b_low, b_high, low)                                           \
    "uxth " a_low ", " a "\n\t"                                                                    \
    "uxth " b_low ", " b "\n\t"                                                                    \
    "asrs " b_high ", " b ", #16\n\t"                                                              \
    "mov " low ", " a_low "\n\t"                                                                   \
    "muls " low ", " b_low ", " low "\n\t"                                                         \
    "muls " a_low ", " b_high ", " a_low "\n\t"                                                    \
    "lsrs " low ", " low ", #16\n\t"                                                               \
    "muls " b ", " a ", " b "\n\t"                                                                 \
    "asrs " a ", " a ", #16\n\t"                                                                   \
    "muls " b_low ", " a ", " b_low "\n\t"                                                         \
    "muls " b_high ", " a ", " b_high "\n\t"                                                       \
    "adds " b_low ", " b_low ", " low "\n\t"                                                       \
    "asrs " low ", " b_low ", #16\n\t"                                                             \
    "adds " b_high ", " b_high ", " low "\n\t"                                                     \
    "uxth " b_low ", " b_low "\n\t"                                                                \
    "adds " a_low ", " a_low ", " b_low "\n\t"                                                     \
    "asrs " a_low ", " a_low ", #16\n\t"                                                           \
    "adds " a ", " a_low ", " b_high "\n\t"                                                        \
    "lsls " a ", " a ", #1\n\t"                                                                    \
    "lsrs " b ", " b ", #31\n\t"                                                                   \
    "adcs " a ", " b "\n\t"

/* That of ek_rounding_shift, and the sum with an addend, by halves up of what is 1 less below zero.
 * Then the carry is 1 before the shift, which by 0 leaves it. INT32_MIN, which has no halves, is not
 * made less. */
#define EK_HALVES_AWAY(value, right, addend, sign)                                                 \
    "asrs " sign ", " value ", #31\n\t"                                                            \
    "adds " value ", " value ", " sign "\n\t"                                                      \
    "bvc 9f\n\t"                                                                                   \
    "subs " value ", " value ", " sign "\n\t"                                                      \
    "9:\n\t"                                                                                       \
    "asrs " value ", " right "\n\t"                                                                \
    "adcs " value ", " addend "\n\t"

static inline int32_t ek_doubled_high(int32_t a, int32_t b)
{
    int32_t a_low, b_low, b_high, low;
    __asm__(".syntax unified\n\t" EK_DOUBLED_HIGH("%0", "%1", "%2", "%3", "%4", "%5")
            : "+l"(a), "+l"(b), "=&l"(a_low), "=&l"(b_low), "=&l"(b_high), "=&l"(low)
            :
            : "cc");
    return a;
}

static inline int32_t ek_halves_away(int32_t value, int32_t right)
{
    int32_t sign;
    __asm__(".syntax unified\n\t" EK_HALVES_AWAY("%0", "%2", "%3", "%1")
            : "+l"(value), "=&l"(sign)
            : "l"(right), "l"(0)
            : "cc");
    return value;
}
#else
/* floor((a * b + 2^30) / 2^31), which wraps. */
static inline int32_t ek_doubled_high(int32_t a, int32_t b)
{
    /* The truncating division of the source is this floor, for either sign. */
    return (int32_t)((ek_wide_product(a, b) + ((int64_t)1 << 30)) >> 31);
}

static inline int32_t ek_halves_away(int32_t value, int32_t right)
{
    return ek_rounding_shift(value, right);
}
#endif

/* ek_rescale_once, rounded twice as gemmlowp and TFLite Micro do: halves up in the product's
 * high word (SaturatingRoundingDoublingHighMul), then in the shift (RoundingDivideByPOT). */
static inline int32_t ek_rescale_twice(int32_t total, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
    const int32_t moved = (int32_t)((uint32_t)total << left);
    return ek_halves_away(ek_doubled_high(moved, multiplier), right);
}

/* total * multiplier * 2^(shift - 31), rounded once, halves up, with a multiplier of 16 bits:
 * MultiplyByQuantizedMultiplier of TFLite for int64. */
static inline int32_t ek_rescale_reduced(int64_t total, int32_t multiplier, int32_t shift)
{
    const int32_t half = (int32_t)1 << 15;
    const int32_t reduced = multiplier < 0x7fff0000 ? (multiplier + half) >> 16 : 0x7fff;
    const int32_t right = 15 - shift < 1 ? 1 : 15 - shift;
    const uint64_t product = (uint64_t)total * (uint64_t)reduced + ((uint64_t)1 << (right - 1));
    return (int32_t)(uint32_t)(uint64_t)((int64_t)product >> right);
}

/* round((double)total * factor) in integers, for machines whose double has 32 bits: the product is
 * rounded to the 53 bits of a double, halves to even, then to an integer, halves away from zero. The
 * factor is significand * 2^(exponent - 53), the significand in [2^52, 2^53). A result beyond int16
 * is some other beyond it, and a total counts up to 2^53 - 1. */
static inline int32_t ek_rescale_exact(int64_t total, int64_t significand, int32_t exponent)
{
    const uint64_t most = ((uint64_t)1 << 53) - 1, factor = (uint64_t)significand;
    uint64_t size = total < 0 ? 0 - (uint64_t)total : (uint64_t)total;
    if (size == 0)
        return 0;
    size = size > most ? most : size;
    for (; size >> 45 == 0; size <<= 8)
        exponent -= 8;
    for (; size >> 52 == 0; size <<= 1)
        exponent--;

    /* A product of 105 or 106 bits, of which the last 43 only tell whether they are 0. */
    const uint64_t low = (size & 0xffffffff) * (factor & 0xffffffff);
    const uint64_t middle =
        (size >> 32) * (factor & 0xffffffff) + (size & 0xffffffff) * (factor >> 32) + (low >> 32);
    const uint64_t high = (size >> 32) * (factor >> 32) + (middle >> 32);
    const uint64_t rest = (middle & 0x7ff) | (low & 0xffffffff);
    uint64_t product = high << 21 | (middle & 0xffffffff) >> 11 | (rest != 0);

    const uint64_t unit = (uint64_t)1 << (product >> 62 ? 10 : 9); /* the double's last bit */
    product += unit / 2 - 1 + ((product & unit) != 0);
    product &= ~(unit - 1);

    const int32_t right = 10 - exponent;
    int32_t rounded = 0;
    if (right < 45)
        rounded = (int32_t)1 << 16;
    else if (right < 64)
        rounded = (int32_t)((product + ((uint64_t)1 << (right - 1))) >> right);
    return total < 0 ? -rounded : rounded;
}

static inline int32_t ek_leading_zeros(uint32_t value)
{
    int32_t zeros = 0;
    for (; zeros < 32 && !(value >> 31); zeros++)
        value <<= 1;
    return zeros;
}

static inline int32_t ek_clamp(int32_t value, int32_t lowest, int32_t highest)
{
    return value < lowest ? lowest : value > highest ? highest : value;
}

#endif
