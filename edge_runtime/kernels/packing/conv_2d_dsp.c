/* CONV_2D of int8 for Cortex-M cores with the DSP extension.
 *
 * A word, then [pairs][taps [even, odd], two sums to begin with, more taps, two factors, two powers]. A
 * halfword 256 * b + a holds the weights of two outputs a, b for one tap, and a word those of the
 * taps k and k + 2, as in gemm_int8_dsp.c; what does not fill a word of a window's row follows the
 * words of all rows. The sums are 256 * B + A and A with the bias, from which
 * the input's zero point is taken: outside of the input, windows read the zero point. An odd number
 * of outputs has the second one in two pairs. Biases, multipliers and shifts are among the words. If
 * all outputs come by one product (one_product.h), the first word is 0, and its slopes and starts are
 * in place of factors and powers; otherwise it is 256 more than the zero point.
 *
 * An output that is the same whatever the input, as those of channels that training has left dead,
 * whose biases and factors are often extreme, has weights of 0 and a bias that gives it. A shift by
 * 1 to the right would need a power of 2^31: the sums of such an output are negated instead. */
#define EK_SMALL
#include "kernel.h"

#include <string.h>

#include "bias.h"
#include "conv_2d_dsp.h"
#include "fixed_point.h"
#include "one_product.h"
#include "rescale_dsp.h"
#include "table.h"

enum {
    BESIDE = 6,      /* words of a pair that are not weights */
    MOST = 1 << 23,  /* B must stay below this, and at -MOST or above */
    LOWEST = -128,   /* of the input */
    HIGHEST = 127,
};

/* An output. Its sums lie between least and most. */
typedef struct {
    const int8_t *weights;
    int32_t sign, bias, multiplier, shift; /* sign: factor of the weights; 0, 1 or -1 */
    int64_t least, most;
} Output;

/* The two of a pair. */
typedef struct {
    Output outputs[2];
    EkProduct products[2];
} Pair;

static inline EkSums sums_of(const Conv2D *p, const Output *output)
{
    const EkSums sums = {output->least,        output->most, output->multiplier, output->shift,
                         p->output_zero_point, p->lowest,    p->highest};
    return sums;
}

/* Whether no sum leaves int32 before it is multiplied: larger ones then become larger outputs. */
static inline int is_monotonic(const Output *output)
{
    const int64_t most = (int64_t)INT32_MAX >> (output->shift > 0 ? output->shift : 0);
    return output->least >= -most && output->most <= most;
}

/* Whether the sums may be negated. Those of which the first rounding is of a half, up for either
 * sign, are multiples of 2^11, and a larger multiplier than 2^30 makes more than 2^9 of them, to
 * which no output comes close. The second one is right for outputs above the zero point. */
static inline int can_negate(const Conv2D *p, const Output *output)
{
    return output->shift == -1 && output->multiplier >= 1 << 30 &&
           output->multiplier % (1 << 20) && p->lowest >= p->output_zero_point;
}

static Output output_of(const Conv2D *p, void *const *tensors, int32_t o)
{
    const int32_t taps = p->window_height * p->window_width * p->depth;
    const int8_t *const weights = (const int8_t *)tensors[1] + (ptrdiff_t)o * taps;
    const int32_t bias = ek_shifted_bias(((const int32_t *)tensors[2])[o], -p->input_zero_point,
                                         weights, (size_t)taps);
    const int32_t multiplier = ((const int32_t *)tensors[3])[o];
    const int32_t shift = ((const int32_t *)tensors[4])[o];
    Output output = {weights, 1, bias, multiplier, shift, bias, bias};
    for (int32_t k = 0; k < taps; k++) {
        output.least += weights[k] * (weights[k] < 0 ? HIGHEST : LOWEST);
        output.most += weights[k] * (weights[k] < 0 ? LOWEST : HIGHEST);
    }
    if (is_monotonic(&output)) {
        const EkSums sums = sums_of(p, &output);
        const int32_t value = ek_output_of(&sums, sums.least);
        if (value == ek_output_of(&sums, sums.most)) { /* by a factor of 1/8, which is exact */
            const int32_t sum = (int32_t)(8 * ((uint32_t)value - (uint32_t)p->output_zero_point));
            const Output constant = {weights, 0, sum, 1 << 30, -2, sum, sum};
            return constant;
        }
        if (can_negate(p, &output)) {
            const Output negated = {weights,       -1,           -bias, multiplier, shift,
                                    -output.most, -output.least};
            return negated;
        }
    }
    return output;
}

static inline int32_t weight_of(const Output *output, int32_t tap)
{
    return tap < 0 ? 0 : output->sign * output->weights[tap];
}

static inline int has_factor(const Output *output)
{
    return output->sign < 0 || ek_dsp_can_rescale(&output->multiplier, &output->shift, 1);
}

/* Whether numbers fit that are packed, and sums of b into 24 bits, whatever the input. */
static int fits(const Output *a, const Output *b, int32_t taps)
{
    for (int32_t tap = 0; tap < taps; tap++) {
        const int32_t first = weight_of(a, tap), second = weight_of(b, tap);
        if (first > 127 || second > 127 || (second == -128 && first < 0))
            return 0;
    }
    return has_factor(a) && has_factor(b) && b->least >= -MOST && b->most < MOST;
}

/* The tap at a position of the words; -1 behind the last one. */
static inline int32_t tap_at(const Conv2D *p, int32_t position)
{
    const int32_t row = p->window_width * p->depth, tail = ek_dsp_tail(p), whole = row - tail;
    const int32_t beyond = position - p->window_height * whole;
    if (beyond < 0)
        return position / whole * row + position % whole;
    return tail && beyond < p->window_height * tail ? beyond / tail * row + whole + beyond % tail
                                                    : -1;
}

static inline uint32_t power_of(const Output *output)
{
    return (uint32_t)(output->sign < 0 ? -INT32_MAX
                                       : ek_dsp_power(output->multiplier, output->shift));
}

/* Whether both outputs of a pair come by one product, which is then written to it. The kernel has
 * the sum of the second one times 256. */
static int has_products(const Conv2D *p, Pair *pair)
{
    for (int32_t i = 0; i < 2; i++) {
        const Output *const output = pair->outputs + i;
        const EkSums sums = sums_of(p, output);
        const EkProductForm form = {32 - 8 * i, EK_DSP_FRACTION, MOST - 1};
        if (output->sign < 0 || !is_monotonic(output) ||
            !ek_one_product(&sums, &form, pair->products + i))
            return 0;
    }
    return 1;
}

static Pair pair_of(const Conv2D *p, void *const *tensors, int32_t number)
{
    const int32_t first = 2 * number - (number && p->outputs % 2);
    const Pair pair = {{output_of(p, tensors, first), output_of(p, tensors, first + 1)},
                       {{0, 0, 0}, {0, 0, 0}}};
    return pair;
}

static uint32_t *put_pair(const Conv2D *p, const Pair *pair, int32_t is_one, uint32_t *to)
{
    const Output *const a = pair->outputs, *const b = a + 1;
    const EkProduct *const products = pair->products;
    for (int32_t word = 0; word < 2 * ek_dsp_words(p); word++) {
        uint32_t halves[2];
        for (int32_t i = 0; i < 2; i++) {
            const int32_t tap = tap_at(p, word / 2 * EK_DSP_STEP + word % 2 + 2 * i);
            halves[i] = (uint32_t)(256 * weight_of(b, tap) + weight_of(a, tap)) & 0xffff;
        }
        *to++ = halves[0] | halves[1] << 16;
        if (word == 1) {
            const uint32_t bias = (uint32_t)a->bias + (uint32_t)products[0].bias;
            *to++ = 256 * ((uint32_t)b->bias + (uint32_t)products[1].bias) + bias;
            *to++ = bias;
        }
    }
    for (int32_t i = 0; i < 2; i++)
        *to++ = (uint32_t)(is_one ? products[i].slope : ek_dsp_factor(a[i].multiplier));
    for (int32_t i = 0; i < 2; i++)
        *to++ = is_one ? (uint32_t)products[i].start : power_of(a + i);
    return to;
}

int ek_pack_conv_2d_int8_dsp(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const Conv2D *const p = (const Conv2D *)params;
    const int32_t taps = p->window_height * p->window_width * p->depth;
    const int32_t pairs = p->outputs / 2 + p->outputs % 2;
    int32_t is_one = 1;
    for (int32_t i = 1; i < 5; i++)
        if (!tensors[i])
            return 0;
    if (p->channels != p->depth || p->outputs < 2)
        return 0;
    for (int32_t number = 0; number < pairs; number++) {
        Pair pair = pair_of(p, tensors, number);
        if (!fits(pair.outputs, pair.outputs + 1, taps))
            return 0;
        is_one = is_one && has_products(p, &pair);
    }
    const size_t words = BESIDE + 2 * (size_t)ek_dsp_words(p);
    packing->sizes[1] = ((size_t)pairs * words + 1) * sizeof(uint32_t);
    for (int32_t i = 2; i < 5; i++)
        packing->sizes[i] = sizeof(int32_t);
    uint32_t *to = packing->tensors[1];
    if (!to)
        return 1;
    for (int32_t i = 2; i < 5; i++)
        memset(packing->tensors[i], 0, sizeof(int32_t));
    *to++ = (uint32_t)(is_one ? 0 : 256 + p->output_zero_point);
    for (int32_t number = 0; number < pairs; number++) {
        Pair pair = pair_of(p, tensors, number);
        if (is_one)
            has_products(p, &pair);
        to = put_pair(p, &pair, is_one, to);
    }
    return 1;
}

size_t ek_scratch_conv_dsp(const int32_t *params)
{
    const Conv2D *const p = (const Conv2D *)params;
    return ek_dsp_taps(p) + ek_dsp_beside(p);
}
