/* Outputs of sums by one product, for Cortex-M cores with the DSP extension.
 *
 * An output is floor((slope * (sum + bias) + start * 2^unit) / 2^(32 + fraction)), clamped to int8: an
 * SMMLA, and an SSAT that shifts. Two roundings give the same where the line passes between the sums
 * at which outputs begin, and the packer finds such a line for most factors if no output is negative:
 * negative halves go the other way. */
#ifndef EK_PACKING_ONE_PRODUCT_H
#define EK_PACKING_ONE_PRODUCT_H

#include <stdint.h>

#include "fixed_point.h"

/* Sums from least to most, and what they become. */
typedef struct {
    int64_t least, most;
    int32_t multiplier, shift, zero_point, lowest, highest;
} EkSums;

/* What a kernel calculates with: start counts 2^unit, an output is 2^(32 + fraction). */
typedef struct {
    int32_t unit, fraction;
    int64_t most; /* of a sum with the bias */
} EkProductForm;

typedef struct {
    int32_t slope, bias, start; /* the bias is not negative */
} EkProduct;

static int32_t ek_output_of(const EkSums *s, int64_t sum)
{
    const int32_t scaled = ek_rescale_twice((int32_t)sum, s->multiplier, s->shift);
    return ek_clamp(ek_add(scaled, s->zero_point), s->lowest, s->highest);
}

/* The lowest sum from "from" on whose output is not below one. */
static inline int64_t ek_sum_of(const EkSums *s, int64_t from, int32_t output)
{
    for (int64_t end = s->most; from < end;) {
        const int64_t middle = from + (end - from) / 2;
        if (ek_output_of(s, middle) < output)
            from = middle + 1;
        else
            end = middle;
    }
    return from;
}

/* The least x up to "most" for which x * a modulo m is l to r, or -1; 0 <= a < m <= 2^32, 0 <= l <= r
 * < m, most < 2^24. Where no multiple of a is before m has been passed, the number of times it is
 * passed is the answer to the same question modulo a, which is how Euclid's algorithm goes on. */
static int64_t ek_first_multiple(int64_t a, int64_t m, int64_t l, int64_t r, int64_t most)
{
    int64_t passes = 0;
    if (l && !a)
        return -1;
    if (l && 2 * a > m) { /* the same question from the other side: m halves with each call */
        const int64_t low = m - r;
        r = m - l;
        l = low;
        a = m - a;
    }
    if (l && (l + a - 1) / a * a > r) {
        passes = ek_first_multiple((a - m % a) % a, a, l % a, r % a, most);
        if (passes < 0)
            return -1;
    }
    const int64_t first = l ? (l + m * passes + a - 1) / a : 0;
    return first <= most ? first : -1;
}

/* Bias and start for a slope, of which a line needs "least" to below "end". */
static inline int ek_start_line(const EkProductForm *form, int64_t most_bias, int64_t least,
                                int64_t end, EkProduct *to)
{
    const int64_t unit = (int64_t)1 << form->unit, slope = to->slope, l = least & (unit - 1);
    const int64_t r = l + end - least - 1; /* from the next unit on, a start without a bias is right */
    const int64_t bias =
        ek_first_multiple(slope & (unit - 1), unit, r < unit ? l : 0, r, most_bias);
    if (bias < 0)
        return 0;
    to->bias = (int32_t)bias;
    to->start = (int32_t)((least - bias * slope + unit - 1) >> form->unit);
    return 1;
}

/* Returns 0 if there is no such line. Larger sums must have no smaller outputs. */
static int ek_one_product(const EkSums *s, const EkProductForm *form, EkProduct *to)
{
    enum { SLOPES = 16, RANGE = 25 }; /* tried to either side, at a distance of 2^-RANGE of one */
    const int64_t one = (int64_t)1 << (32 + form->fraction);
    const int32_t first = ek_output_of(s, s->least), last = ek_output_of(s, s->most);
    const int32_t right = -1 - form->fraction - s->shift;
    int64_t begins[257]; /* sums at which the outputs after the first one begin */
    if (first == last) {
        const EkProduct constant = {0, 0, (int32_t)(first * (one >> form->unit))};
        *to = constant;
        return 1;
    }
    if (right < 0)
        return 0;
    for (int32_t i = 1; i <= last - first; i++)
        begins[i] = ek_sum_of(s, i > 1 ? begins[i - 1] : s->least, first + i);
    const int64_t slope = s->multiplier >> right, step = (slope >> RANGE) + 1;
    for (int32_t i = 0; i <= 2 * SLOPES; i++) {
        const int64_t m = slope + (i % 2 ? -1 : 1) * ((i + 1) / 2) * step;
        int64_t least = first > s->lowest ? first * one - s->least * m : INT64_MIN;
        int64_t end = last < s->highest ? (last + 1) * one - s->most * m : INT64_MAX;
        for (int32_t j = 1; j <= last - first; j++) {
            const int64_t from = (first + j) * one - begins[j] * m;
            least = from > least ? from : least;
            end = from + m < end ? from + m : end;
        }
        to->slope = (int32_t)m;
        if (m > 0 && m <= INT32_MAX && least < end &&
            ek_start_line(form, form->most - s->most, least, end, to))
            return 1;
    }
    return 0;
}

#endif
