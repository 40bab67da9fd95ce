/* The int8 kernel for aarch64 without its dot product, which the including file defines, as well as
 * TARGET, the attribute of its instruction set: GCC inlines only functions with the same one.
 *
 * Packed weights are int8, blocks of 8 outputs, then of 4, 2 and 1, so that all calculated outputs
 * are used; a block is [ceil(depth / STEP)][width][STEP], padded with zeros: one stream to read. The
 * last byte is 1 if no weight is -128. The packer is packing/gemm_int8_neon.c. */
#ifndef EK_FULLY_CONNECTED_NEON_H
#define EK_FULLY_CONNECTED_NEON_H

#include <arm_neon.h>
#include <string.h>

#include "fully_connected.h"
#include "kernel.h"

#define INLINE TARGET static inline __attribute__((always_inline))

enum { BLOCK = 8, STEP = 16 };

/* Adds the 16 products of x and w to the 4 sums, in any order. */
INLINE int32x4_t dot(int32x4_t sums, int8x16_t x, int8x16_t w, int narrow);

/* Outputs in the next block when ``left`` outputs are left. */
INLINE int32_t width_of(int32_t left)
{
    return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

/* Elements of an output's weights when they are packed. */
INLINE ptrdiff_t padded(int32_t depth)
{
    return ((ptrdiff_t)depth + STEP - 1) / STEP * STEP;
}

INLINE int32x4_t added(int32x4_t a, int32x4_t b)
{
    /* Unsigned, because the sum may wrap. */
    return vreinterpretq_s32_u32(vaddq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b)));
}

/* 4, 2 or 1 numbers, the rest zero. */
INLINE int32x4_t some(const int32_t *from, int32_t count)
{
    if (count == 4)
        return vld1q_s32(from);
    if (count == 2)
        return vcombine_s32(vld1_s32(from), vdup_n_s32(0));
    return vld1q_lane_s32(from, vdupq_n_s32(0), 0);
}

/* ek_rescale_once: SRSHL rounds halves up as if its sum had more bits. */
INLINE int32x4_t rescale(int32x4_t total, int32x4_t multiplier, int32x4_t shift)
{
    const int32x4_t left = vsubq_s32(shift, vdupq_n_s32(31));
    const int64x2_t low = vmull_s32(vget_low_s32(total), vget_low_s32(multiplier));
    const int64x2_t high = vmull_high_s32(total, multiplier);
    return vuzp1q_s32(vreinterpretq_s32_s64(vrshlq_s64(low, vmovl_s32(vget_low_s32(left)))),
                      vreinterpretq_s32_s64(vrshlq_s64(high, vmovl_high_s32(left))));
}

/* Writes 4, 2 or 1 outputs from output o on; the sum of each is spread over a vector. */
INLINE void finish(const int32x4_t *sums, int32_t count, const FullyConnectedInt8 *layer,
                   void *const *tensors, int32_t o, int8_t *output)
{
    const int32_t *bias = tensors[2], *multiplier = tensors[3], *shift = tensors[4];
    int32x4_t all = vpaddq_s32(vpaddq_s32(sums[0], sums[1]), vpaddq_s32(sums[2], sums[3]));
    all = added(all, some(bias + o, count));
    all = rescale(all, some(multiplier + o, count), some(shift + o, count));
    all = added(all, vdupq_n_s32(layer->output_zero_point));
    all = vminq_s32(vmaxq_s32(all, vdupq_n_s32(layer->lowest)), vdupq_n_s32(layer->highest));
    const int16x4_t narrowed = vmovn_s32(all);
    int8_t bytes[8];
    vst1_s8(bytes, vmovn_s16(vcombine_s16(narrowed, narrowed)));
    memcpy(output + o, bytes, (size_t)count);
}

/* Calculates the outputs of a block; ``width`` and ``narrow`` are literals. */
INLINE void block(int32_t width, int narrow, const int8_t *input, int8x16_t last,
                  const int8_t *weights, const FullyConnectedInt8 *layer, void *const *tensors,
                  int32_t o, int8_t *output)
{
    const int32_t depth = layer->depth, whole = depth / STEP;
    int32x4_t sums[BLOCK];
    for (int32_t i = 0; i < BLOCK; i++)
        sums[i] = vdupq_n_s32(0);
    for (int32_t k = 0; k < whole; k++, input += STEP, weights += width * STEP) {
        const int8x16_t x = vld1q_s8(input);
        for (int32_t i = 0; i < width; i++)
            sums[i] = dot(sums[i], x, vld1q_s8(weights + i * STEP), narrow);
    }
    if (depth % STEP)
        for (int32_t i = 0; i < width; i++)
            sums[i] = dot(sums[i], last, vld1q_s8(weights + i * STEP), narrow);
    finish(sums, width < 4 ? width : 4, layer, tensors, o, output);
    if (width == BLOCK)
        finish(sums + 4, 4, layer, tensors, o + 4, output);
}

/* The kernel; ``narrow`` is a literal. */
INLINE void fully_connected_int8_once(int narrow, const int32_t *params, void *const *tensors)
{
    const FullyConnectedInt8 *const layer = (const FullyConnectedInt8 *)params;
    const int32_t rows = layer->rows, depth = layer->depth, outputs = layer->outputs;
    const int32_t rest = depth % STEP;
    const int8_t *input = tensors[0];
    int8_t *output = tensors[5];

    for (int32_t row = 0; row < rows; row++, input += depth, output += outputs) {
        int8_t end[STEP] = {0};
        memcpy(end, input + (depth - rest), (size_t)rest);
        const int8x16_t last = vld1q_s8(end);
        const int8_t *weights = tensors[1];
        for (int32_t o = 0, width; o < outputs; o += width, weights += width * padded(depth)) {
            width = width_of(outputs - o);
            if (width == 8)
                block(8, narrow, input, last, weights, layer, tensors, o, output);
            else if (width == 4)
                block(4, narrow, input, last, weights, layer, tensors, o, output);
            else if (width == 2)
                block(2, narrow, input, last, weights, layer, tensors, o, output);
            else
                block(1, narrow, input, last, weights, layer, tensors, o, output);
        }
    }
}

#endif
