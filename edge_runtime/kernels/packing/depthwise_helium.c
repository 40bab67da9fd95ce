/* DEPTHWISE_CONV_2D of int8 for Helium: blocks of 16 channels, [blocks][taps][16], and the numbers of
 * the channels in the order of their sums. */
#define EK_SMALL
#include "kernel.h"

#include "depthwise_conv_2d.h"
#include "helium.h"
#include "table.h"

static inline size_t taps_of(const DepthwiseInt8 *p)
{
    return (size_t)p->window_height * (size_t)p->window_width;
}

/* A window of 16 channels. */
size_t ek_scratch_dw_helium(const int32_t *params)
{
    return taps_of((const DepthwiseInt8 *)params) * EK_LANES;
}

/* Whether the sum of two products fits into 16 bits. */
static int pairs_fit(const int8_t *weights, size_t taps, size_t channels)
{
    for (size_t tap = 0; tap + 1 < taps; tap += 2)
        for (size_t c = 0; c < channels; c++)
            if (weights[tap * channels + c] == -128 && weights[(tap + 1) * channels + c] == -128)
                return 0;
    return 1;
}

/* The channel whose numbers lie at a place. */
static inline size_t channel_at(size_t place)
{
    const size_t lane = place % 4, vector = place / 4 % 4;
    return place / EK_LANES * EK_LANES + 4 * lane + (vector % 2 * 2 + vector / 2);
}

/* Refuses layers with several outputs a channel, and numbers that the kernel does not rescale. */
int ek_pack_dw_helium(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const DepthwiseInt8 *const p = (const DepthwiseInt8 *)params;
    const size_t taps = taps_of(p), channels = (size_t)p->channels;
    const size_t padded = ek_rounded_up(channels, EK_LANES);
    const int8_t *const weights = tensors[1];
    if (!weights || !tensors[2] || !tensors[3] || !tensors[4])
        return 0;
    if (p->multiplier != 1 || !pairs_fit(weights, taps, channels) ||
        !ek_rescales_right(channels, taps, tensors))
        return 0;
    memcpy(packing->params, p, sizeof *p);
    ((DepthwiseInt8Helium *)packing->params)->ties = p->lowest < p->output_zero_point;
    packing->count = sizeof(DepthwiseInt8Helium) / sizeof(int32_t);
    packing->sizes[1] = padded * taps;
    packing->sizes[2] = packing->sizes[3] = packing->sizes[4] = padded * sizeof(int32_t);
    int8_t *to = packing->tensors[1];
    if (!to)
        return 1;
    for (size_t first = 0; first < channels; first += EK_LANES)
        for (size_t tap = 0; tap < taps; tap++)
            for (size_t c = first; c < first + EK_LANES; c++)
                *to++ = c < channels ? weights[tap * channels + c] : 0;
    for (size_t place = 0; place < padded; place++) {
        const size_t c = channel_at(place);
        int32_t sum = 0;
        for (size_t tap = 0; tap < taps && c < channels; tap++)
            sum += weights[tap * channels + c];
        for (size_t i = 2; i < 5; i++)
            ((int32_t *)packing->tensors[i])[place] =
                c < channels ? ((const int32_t *)tensors[i])[c] : 0;
        int32_t *const bias = (int32_t *)packing->tensors[2] + place;
        *bias = (int32_t)((uint32_t)*bias - (uint32_t)p->input_zero_point * (uint32_t)sum);
    }
    return 1;
}
