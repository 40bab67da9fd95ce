/* FULLY_CONNECTED for any aarch64; the same bytes as the portable kernels. */
#include "kernel.h"

#ifdef EK_ARM64
#define TARGET
#include "gemm_int8_neon.h"

INLINE int32x4_t dot(int32x4_t sums, int8x16_t x, int8x16_t w, int narrow)
{
    const int16x8_t low = vmull_s8(vget_low_s8(x), vget_low_s8(w));
    /* Of two products, only 2 * -128 * -128 leaves int16. */
    if (narrow)
        return vpadalq_s16(sums, vmlal_high_s8(low, x, w));
    return vpadalq_s16(vpadalq_s16(sums, low), vmull_high_s8(x, w));
}

void ek_fully_connected_int8_once_neon(const int32_t *params, void *const *tensors)
{
    const FullyConnectedInt8 *const layer = (const FullyConnectedInt8 *)params;
    const int8_t *weights = tensors[1];
    if (weights[layer->outputs * padded(layer->depth)])
        fully_connected_int8_once(1, params, tensors);
    else
        fully_connected_int8_once(0, params, tensors);
}

/* Lanes of a float32 dot product, and the vectors that hold them. */
enum { LANES = 16, VECTORS = 4 };

/* Up to 4 numbers, the rest zero. */
INLINE float32x4_t some_floats(const float *from, int32_t count)
{
    float32x4_t all = vdupq_n_f32(0);
    if (count >= 4)
        return vld1q_f32(from);
    all = vld1q_lane_f32(from, all, 0);
    if (count > 1)
        all = vld1q_lane_f32(from + 1, all, 1);
    return count > 2 ? vld1q_lane_f32(from + 2, all, 2) : all;
}

/* Adds the lanes as the portable kernel does, half onto half. */
INLINE float folded(const float32x4_t *lanes)
{
    const float32x4_t four =
        vaddq_f32(vaddq_f32(lanes[0], lanes[2]), vaddq_f32(lanes[1], lanes[3]));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

/* Adds the products of a vector of up to 4 elements to vector ``v`` of each output's lanes. */
INLINE void add_rest(int32_t width, int32_t v, const float *input, const float *weights,
                     int32_t depth, int32_t k, float32x4_t lanes[][VECTORS])
{
    k += 4 * v;
    if (k >= depth)
        return;
    const float32x4_t x = some_floats(input + k, depth - k);
    for (int32_t i = 0; i < width; i++) {
        const float32x4_t w = some_floats(weights + (ptrdiff_t)i * depth + k, depth - k);
        /* A lane is never -0, so that +0 of the padding leaves it as it is. */
        lanes[i][v] = vaddq_f32(lanes[i][v], vmulq_f32(x, w));
    }
}

/* Calculates ``width`` outputs at once, a literal. */
INLINE void outputs_float32(int32_t width, const float *input, const float *weights,
                            const float *bias, const FullyConnectedFloat32 *layer, float *output)
{
    const int32_t depth = layer->depth;
    const float lowest = layer->lowest, highest = layer->highest;
    float32x4_t lanes[4][VECTORS];
    for (int32_t i = 0; i < width; i++)
        for (int32_t v = 0; v < VECTORS; v++)
            lanes[i][v] = vdupq_n_f32(0);
    int32_t k = 0;
    for (; k + LANES <= depth; k += LANES)
        for (int32_t v = 0; v < VECTORS; v++) {
            const float32x4_t x = vld1q_f32(input + k + 4 * v);
            for (int32_t i = 0; i < width; i++) {
                const float32x4_t w = vld1q_f32(weights + (ptrdiff_t)i * depth + k + 4 * v);
                lanes[i][v] = vaddq_f32(lanes[i][v], vmulq_f32(x, w));
            }
        }
    /* With literals, because the compiler would keep the lanes in memory otherwise. */
    add_rest(width, 0, input, weights, depth, k, lanes);
    add_rest(width, 1, input, weights, depth, k, lanes);
    add_rest(width, 2, input, weights, depth, k, lanes);
    add_rest(width, 3, input, weights, depth, k, lanes);
    for (int32_t i = 0; i < width; i++) {
        float sum = folded(lanes[i]) + bias[i];
        sum = sum < lowest ? lowest : sum;
        output[i] = sum > highest ? highest : sum;
    }
}

void ek_fully_connected_float32_neon(const int32_t *params, void *const *tensors)
{
    FullyConnectedFloat32 layer;
    memcpy(&layer, params, sizeof layer);
    const int32_t rows = layer.rows, depth = layer.depth, outputs = layer.outputs;
    const float *input = tensors[0], *bias = tensors[2];
    float *output = tensors[3];

    for (int32_t row = 0; row < rows; row++, input += depth, output += outputs) {
        const float *weights = tensors[1];
        int32_t o = 0;
        for (; o + 4 <= outputs; o += 4, weights += 4 * (ptrdiff_t)depth)
            outputs_float32(4, input, weights, bias + o, &layer, output + o);
        for (; o + 2 <= outputs; o += 2, weights += 2 * (ptrdiff_t)depth)
            outputs_float32(2, input, weights, bias + o, &layer, output + o);
        if (o < outputs)
            outputs_float32(1, input, weights, bias + o, &layer, output + o);
    }
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
