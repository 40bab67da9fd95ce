/* Weights of TRANSPOSE_CONV for vectors of 8 outputs, padded with zeros: the bias, of integers also
 * multiplier and shift, then [taps][channels][outputs]; of integers pairs of channels, in int16. */
#define EK_SMALL
#include <string.h>

#include "kernel.h"

#include "table.h"
#include "transpose_conv.h"

enum { LANES = 8 };

static inline size_t pitch_of(const TransposeConv *p)
{
    return (size_t)(p->outputs + LANES - 1) / LANES * LANES;
}

/* The sums of a row of the output; a row of the input in pairs, and a vector. */
size_t ek_scratch_transpose_conv(const int32_t *params)
{
    const TransposeConv *p = (const TransposeConv *)params;
    return (size_t)ek_reached_columns(p) * pitch_of(p) * sizeof(int32_t) +
           ((size_t)p->width * (size_t)(p->channels + 1) + LANES) * sizeof(int16_t);
}

/* Bytes of "heads" numbers of each output, and of groups of channels. */
static inline size_t packed_size(const TransposeConv *p, size_t heads, size_t groups)
{
    const size_t taps = (size_t)p->window_height * (size_t)p->window_width;
    return (heads + taps * groups) * pitch_of(p) * sizeof(int32_t);
}

int ek_pack_transpose_conv_float32(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const TransposeConv *p = (const TransposeConv *)params;
    const size_t pitch = pitch_of(p), outputs = (size_t)p->outputs, channels = (size_t)p->channels;
    const size_t size = (size_t)p->window_height * (size_t)p->window_width * channels;
    const float *const weights = tensors[1], *const bias = tensors[2];
    float *packed = packing->tensors[1];
    if (!weights || !bias)
        return 0;
    packing->sizes[1] = packed_size(p, 1, channels);
    if (!packed)
        return 1;
    memset(packed, 0, packing->sizes[1]);
    memcpy(packed, bias, outputs * sizeof *packed);
    for (size_t k = 0; k < size; k++) {
        packed += pitch;
        for (size_t o = 0; o < outputs; o++)
            packed[o] = weights[o * size + k];
    }
    return 1;
}

/* Bytes less their zero point, which int8 has not. */
static int pack_pairs(const int32_t *params, void *const *tensors, ek_packing *packing,
                      int is_uint8)
{
    const TransposeConv *p = (const TransposeConv *)params;
    const size_t pitch = pitch_of(p), outputs = (size_t)p->outputs, channels = (size_t)p->channels;
    const size_t taps = (size_t)p->window_height * (size_t)p->window_width;
    const int8_t *weights = tensors[1];
    char *const packed = packing->tensors[1];
    for (int i = 1; i <= 4; i++)
        if (!tensors[i])
            return 0;
    packing->sizes[1] = packed_size(p, 3, (channels + 1) / 2);
    if (!packed)
        return 1;
    memset(packed, 0, packing->sizes[1]);
    for (size_t i = 0; i < 3; i++)
        memcpy(packed + i * pitch * sizeof(int32_t), tensors[2 + i], outputs * sizeof(int32_t));
    int16_t *const pairs = (int16_t *)(void *)(packed + 3 * pitch * sizeof(int32_t));
    for (size_t o = 0; o < outputs; o++)
        for (size_t tap = 0; tap < taps; tap++)
            for (size_t c = 0; c < channels; c++, weights++) {
                const int32_t number = is_uint8 ? (uint8_t)*weights : *weights;
                const int32_t weight = number - p->weights_zero_point;
                const size_t group = tap * ((channels + 1) / 2) + c / 2;
                pairs[(group * pitch + o) * 2 + c % 2] = (int16_t)weight;
            }
    return 1;
}

int ek_pack_transpose_conv_int8(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack_pairs(params, tensors, packing, 0);
}

int ek_pack_transpose_conv_uint8(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack_pairs(params, tensors, packing, 1);
}
