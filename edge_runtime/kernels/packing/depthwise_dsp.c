/* DEPTHWISE_CONV_2D of int8 for Cortex-M cores with the DSP extension: see
 * cortex_m/depthwise_conv_2d_int8_dsp.c. */
#define EK_SMALL
#include "kernel.h"

#include <string.h>

#include "bias.h"
#include "depthwise_dsp.h"
#include "rescale_dsp.h"
#include "table.h"

enum { MOST_OTHERS = 4 };                /* of so many channels one may be an EkDwExact */
enum { TAPS = EK_DW_TAPS * EK_DW_TAPS }; /* bytes of a channel's weights */

static int fits(const DepthwiseInt8 *p)
{
    return p->multiplier == 1 && p->window_height <= EK_DW_TAPS && p->window_width <= EK_DW_TAPS &&
           (p->dilation_h == 1 || p->window_height == 1) &&
           (p->dilation_w == 1 || p->window_width == 1) && p->lowest == -128 && p->highest == 127;
}

/* Whether each column of windows has one that is inside of the image. */
static int are_inside(const DepthwiseInt8 *p)
{
    return p->left < p->window_width &&
           (int64_t)(p->output_width - 1) * p->stride_w - p->left < p->width;
}

/* The weights of a channel, column by column, for windows of EK_DW_TAPS rows and columns. */
static void put_taps(const DepthwiseInt8 *p, const int8_t *weights, int8_t *taps)
{
    memset(taps, 0, TAPS);
    for (int32_t i = 0; i < p->window_height; i++)
        for (int32_t j = 0; j < p->window_width; j++)
            taps[j * EK_DW_TAPS + i] = weights[(i * p->window_width + j) * p->channels];
}

/* Writes bytes of a number, the lowest first, into words that hold bytes likewise. */
static void put_bytes(uint32_t *words, size_t at, uint32_t number, size_t count)
{
    for (size_t i = at; i < at + count; i++, number >>= 8)
        words[i / 4] |= (number & 0xff) << i % 4 * 8;
}

/* Fills in channel c; returns whether it is one of those of EkDwExact. */
static int put_channel(const DepthwiseInt8 *p, void *const *tensors, size_t c, EkDwExact *to)
{
    const int32_t multiplier = ((const int32_t *)tensors[3])[c];
    const int32_t shift = ((const int32_t *)tensors[4])[c];
    memset(to, 0, sizeof *to);
    put_taps(p, (const int8_t *)tensors[1] + c, to->weights);
    to->channel = (int32_t)c;
    to->bias = ek_shifted_bias(((const int32_t *)tensors[2])[c], -p->input_zero_point, to->weights,
                               TAPS);
    to->factor = ek_dsp_factor(multiplier);
    to->right = -shift;
    int64_t most = to->bias < 0 ? -(int64_t)to->bias : to->bias;
    for (int32_t i = 0; i < TAPS; i++)
        most += 128 * (to->weights[i] < 0 ? -to->weights[i] : to->weights[i]);
    return multiplier && (shift > -2 || !ek_dsp_can_raise(shift, most));
}

/* A record: the bias with the input's zero point, with which the image is padded, the factor of
 * rescale_dsp.h, the weights, and the exponent of its power of two, 32 where the power is 0. Channels
 * that have no such power are written once more: real networks have some. */
int ek_pack_dw_twice_dsp(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const DepthwiseInt8 *const p = (const DepthwiseInt8 *)params;
    const int32_t *const multiplier = tensors[3], *const shift = tensors[4];
    if (!tensors[1] || !tensors[2] || !multiplier || !shift || !fits(p) || !are_inside(p))
        return 0;
    const size_t channels = (size_t)p->channels, words = (channels * EK_DW_RECORD + 3) / 4;
    EkDwExact channel;
    size_t others = 0;
    for (size_t c = 0; c < channels; c++) {
        if (multiplier[c] && (multiplier[c] < 1 << 30 || shift[c] < -31 || shift[c] > 0))
            return 0;
        others += put_channel(p, tensors, c, &channel) != 0;
    }
    if (others > channels / MOST_OTHERS)
        return 0;
    packing->sizes[1] = words * sizeof(uint32_t);
    packing->sizes[2] = packing->sizes[4] = sizeof(int32_t); /* nothing reads them */
    packing->sizes[3] = (others + 1) * sizeof(EkDwExact);
    memcpy(packing->params, p, sizeof *p);
    packing->count = sizeof *p / sizeof(int32_t);
    uint32_t *const packed = packing->tensors[1];
    EkDwExact *exact = packing->tensors[3];
    const EkDwExact end = {INT32_MAX, 0, 0, 0, {0}};
    if (!packed)
        return 1;
    memset(packed, 0, packing->sizes[1]);
    memset(packing->tensors[2], 0, packing->sizes[2]);
    memset(packing->tensors[4], 0, packing->sizes[4]);
    for (size_t c = 0; c < channels; c++) {
        const size_t at = c * EK_DW_RECORD;
        const int is_other = put_channel(p, tensors, c, &channel);
        if (is_other)
            *exact++ = channel;
        put_bytes(packed, at, (uint32_t)channel.bias, 4);
        put_bytes(packed, at + 4, (uint32_t)channel.factor, 4);
        for (size_t i = 0; i < TAPS; i++)
            put_bytes(packed, at + 8 + i, (uint8_t)channel.weights[i], 1);
        put_bytes(packed, at + 8 + TAPS,
                  is_other || !multiplier[c] ? 32 : (uint32_t)(32 + shift[c]), 1);
    }
    *exact = end;
    return 1;
}

size_t ek_scratch_dw_dsp(const int32_t *params)
{
    const DepthwiseInt8 *const p = (const DepthwiseInt8 *)params;
    const int32_t columns = ek_dw_columns(p, ek_dw_block(p));
    return (size_t)columns * EK_DW_SLOT * sizeof(int32_t);
}
