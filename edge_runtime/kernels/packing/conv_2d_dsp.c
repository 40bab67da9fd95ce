/* CONV_2D of int8 for Cortex-M cores with the DSP extension.
 *
 * Words [pairs][two sums to begin with, words of taps [even, odd], two factors, two powers]. A
 * halfword 256 * b + a holds the weights of two outputs a, b for one tap, and a word those of the
 * taps k and k + 2, as in gemm_int8_dsp.c; what does not fill a word of a window's row follows the
 * words of all rows. The sums are 256 * B + A and A with the bias, from which
 * the input's zero point is taken: outside of the input, windows read the zero point. An odd number
 * of outputs has the second one in two pairs. Biases, multipliers and shifts are among the words. */
#include <string.h>

#include "bias.h"
#include "conv_2d_dsp.h"
#include "rescale_dsp.h"
#include "table.h"

enum {
    BESIDE = 6,      /* words of a pair that are not weights */
    MOST = 1 << 23,  /* B must stay below this, and at -MOST or above */
    LOWEST = -128,   /* of the input */
    HIGHEST = 127,
};

typedef struct {
    const Conv2D *params;
    const int8_t *weights;
    const int32_t *bias;
    int32_t taps;
} Layer;

static inline const int8_t *weights_of(const Layer *layer, int32_t output)
{
    return layer->weights + (ptrdiff_t)output * layer->taps;
}

static inline int32_t folded_bias(const Layer *layer, int32_t output)
{
    return ek_shifted_bias(layer->bias[output], -layer->params->input_zero_point,
                           weights_of(layer, output), (size_t)layer->taps);
}

/* The first output of a pair. */
static inline int32_t first_of(const Layer *layer, int32_t pair)
{
    return 2 * pair - (pair && layer->params->outputs % 2);
}

/* Whether weights fit into halfwords, and sums of b into 24 bits, whatever the input. */
static int fits(const Layer *layer, int32_t first)
{
    const int8_t *const a = weights_of(layer, first), *const b = weights_of(layer, first + 1);
    int64_t least = folded_bias(layer, first + 1), most = least;
    for (int32_t k = 0; k < layer->taps; k++) {
        if (b[k] == -128 && a[k] < 0)
            return 0;
        least += b[k] * (b[k] < 0 ? HIGHEST : LOWEST);
        most += b[k] * (b[k] < 0 ? LOWEST : HIGHEST);
    }
    return least >= -MOST && most < MOST;
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

static inline uint32_t halfword(const Layer *layer, int32_t first, int32_t position)
{
    const int32_t tap = tap_at(layer->params, position);
    if (tap < 0)
        return 0;
    const int32_t a = weights_of(layer, first)[tap], b = weights_of(layer, first + 1)[tap];
    return (uint32_t)(256 * b + a) & 0xffff;
}

static uint32_t *put_pair(const Layer *layer, void *const *tensors, int32_t first, uint32_t *to)
{
    const int32_t *const multiplier = (const int32_t *)tensors[3] + first;
    const int32_t *const shift = (const int32_t *)tensors[4] + first;
    const uint32_t a = (uint32_t)folded_bias(layer, first);
    *to++ = 256 * (uint32_t)folded_bias(layer, first + 1) + a;
    *to++ = a;
    for (int32_t tap = 0; tap < layer->taps; tap += EK_DSP_STEP)
        for (int32_t odd = tap; odd < tap + 2; odd++)
            *to++ = halfword(layer, first, odd) | halfword(layer, first, odd + 2) << 16;
    for (int32_t i = 0; i < 2; i++)
        *to++ = (uint32_t)ek_dsp_factor(multiplier[i]);
    for (int32_t i = 0; i < 2; i++)
        *to++ = (uint32_t)ek_dsp_power(multiplier[i], shift[i]);
    return to;
}

int ek_pack_conv_2d_int8_dsp(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const Conv2D *const p = (const Conv2D *)params;
    const int32_t taps = p->window_height * p->window_width * p->depth;
    const Layer layer = {p, tensors[1], tensors[2], taps};
    const int32_t pairs = p->outputs / 2 + p->outputs % 2;
    for (int32_t i = 1; i < 5; i++)
        if (!tensors[i])
            return 0;
    if (p->channels != p->depth || p->outputs < 2 ||
        !ek_dsp_can_rescale(tensors[3], tensors[4], p->outputs))
        return 0;
    for (int32_t pair = 0; pair < pairs; pair++)
        if (!fits(&layer, first_of(&layer, pair)))
            return 0;
    const size_t words = BESIDE + 2 * (size_t)ek_dsp_words(p);
    packing->sizes[1] = (size_t)pairs * words * sizeof(uint32_t);
    for (int32_t i = 2; i < 5; i++)
        packing->sizes[i] = sizeof(int32_t);
    uint32_t *to = packing->tensors[1];
    if (!to)
        return 1;
    for (int32_t pair = 0; pair < pairs; pair++)
        to = put_pair(&layer, tensors, first_of(&layer, pair), to);
    for (int32_t i = 2; i < 5; i++)
        memset(packing->tensors[i], 0, sizeof(int32_t));
    return 1;
}

size_t ek_scratch_conv_dsp(const int32_t *params)
{
    const Conv2D *const p = (const Conv2D *)params;
    return ek_dsp_taps(p) + ek_dsp_beside(p);
}
