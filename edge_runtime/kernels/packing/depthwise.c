/* Weights of DEPTHWISE_CONV_2D for the kernels that calculate 8 outputs at once.
 *
 * A block of 8 outputs has the bias (less the input's zero point times the sum of the weights), the
 * multiplier and the shift, each int32 [8], and the weights, int16 [pairs of taps][8][2], padded with
 * zeros. The last block has the last 8 outputs, some of which may be the previous block's. Behind the
 * blocks is what stands for a tap outside of the image: [channels] of the input's zero point. */
#include <string.h>

#include "depthwise_conv_2d.h"
#include "table.h"

enum { WIDTH = 8, HEAD = 3 * WIDTH * 4, MOST_TAPS = 64 };

static inline void put_block(const DepthwiseInt8 *p, size_t first, void *const *tensors,
                             char *block)
{
    const size_t taps = (size_t)p->window_height * (size_t)p->window_width;
    const size_t outputs = (size_t)p->channels * (size_t)p->multiplier;
    const int8_t *const weights = (const int8_t *)tensors[1] + first;
    int16_t *const pairs = (int16_t *)(void *)(block + HEAD);
    for (size_t lane = 0; lane < WIDTH; lane++) {
        int32_t *const head = (int32_t *)(void *)block + lane;
        uint32_t sum = 0;
        for (size_t tap = 0; tap < taps; tap++) {
            const int32_t weight = weights[tap * outputs + lane];
            pairs[(tap / 2 * WIDTH + lane) * 2 + tap % 2] = (int16_t)weight;
            sum += (uint32_t)weight;
        }
        sum *= (uint32_t)p->input_zero_point;
        head[0] = (int32_t)((uint32_t)((const int32_t *)tensors[2])[first + lane] - sum);
        head[WIDTH] = ((const int32_t *)tensors[3])[first + lane];
        head[2 * WIDTH] = ((const int32_t *)tensors[4])[first + lane];
    }
}

int ek_pack_depthwise_int8(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const DepthwiseInt8 *const p = (const DepthwiseInt8 *)params;
    const size_t outputs = (size_t)p->channels * (size_t)p->multiplier;
    const size_t height = (size_t)p->window_height, width = (size_t)p->window_width;
    char *packed = packing->tensors[1];
    if (outputs < WIDTH || height > MOST_TAPS || width > MOST_TAPS || height * width > MOST_TAPS)
        return 0;
    if (p->multiplier > 1 && p->channels > 1)
        return 0;
    for (int i = 1; i < 5; i++)
        if (!tensors[i])
            return 0;
    const size_t block = HEAD + (height * width + 1) / 2 * WIDTH * 2 * sizeof(int16_t);
    const size_t blocks = (outputs + WIDTH - 1) / WIDTH;
    packing->sizes[1] = blocks * block + (size_t)p->channels;
    if (!packed)
        return 1;
    memset(packed, 0, blocks * block);
    for (size_t i = 0; i < blocks; i++, packed += block)
        put_block(p, i == blocks - 1 ? outputs - WIDTH : i * WIDTH, tensors, packed);
    memset(packed, p->input_zero_point, (size_t)p->channels);
    return 1;
}
