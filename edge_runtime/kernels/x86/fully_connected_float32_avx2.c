/* FULLY_CONNECTED in float32 with AVX2; the same bytes as the portable kernel: each product and each
 * sum is rounded, in the order of fully_connected.py. */
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>
#include <string.h>

#include "fully_connected.h"

#define TARGET __attribute__((target("avx2")))

enum { LANES = 16 };

typedef struct {
    __m256 low, high;
} fvec;

TARGET static inline fvec fzero(void)
{
    const fvec result = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    return result;
}

TARGET static inline fvec fload(const float *numbers)
{
    const fvec result = {_mm256_loadu_ps(numbers), _mm256_loadu_ps(numbers + 8)};
    return result;
}

TARGET static inline fvec fpart(const float *numbers, int32_t count)
{
    float all[16] = {0};
    for (int32_t i = 0; i < count; i++)
        all[i] = numbers[i];
    return fload(all);
}

TARGET static inline fvec fgrow(fvec sum, fvec a, fvec b)
{
    const fvec result = {_mm256_add_ps(sum.low, _mm256_mul_ps(a.low, b.low)),
                       _mm256_add_ps(sum.high, _mm256_mul_ps(a.high, b.high))};
    return result;
}

TARGET static inline float fold(fvec lanes)
{
    const __m256 eight = _mm256_add_ps(lanes.low, lanes.high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* A few outputs at once: enough sums to hide the latency of an addition. */
TARGET static inline void outputs_of(int32_t number, const float *input, const float *weights,
                                     const float *bias, const FullyConnectedFloat32 *layer,
                                     float *output)
{
    const int32_t depth = layer->depth;
    const float lowest = layer->lowest, highest = layer->highest;
    fvec sums[4];
    const int32_t whole = depth - depth % LANES;
    for (int32_t i = 0; i < number; i++)
        sums[i] = fzero();
    for (int32_t k = 0; k < whole; k += LANES) {
        const fvec x = fload(input + k);
        for (int32_t i = 0; i < number; i++)
            sums[i] = fgrow(sums[i], x, fload(weights + (ptrdiff_t)i * depth + k));
    }
    if (whole < depth) {
        const fvec x = fpart(input + whole, depth - whole);
        for (int32_t i = 0; i < number; i++)
            sums[i] = fgrow(sums[i], x,
                            fpart(weights + (ptrdiff_t)i * depth + whole, depth - whole));
    }
    for (int32_t i = 0; i < number; i++) {
        float sum = fold(sums[i]) + bias[i];
        sum = sum < lowest ? lowest : sum;
        output[i] = sum > highest ? highest : sum;
    }
}

TARGET void ek_fully_connected_float32_avx2(const int32_t *params, void *const *tensors)
{
    FullyConnectedFloat32 layer;
    memcpy(&layer, params, sizeof layer);
    const int32_t rows = layer.rows, depth = layer.depth, outputs = layer.outputs;
    const float *input = tensors[0], *bias = tensors[2];
    float *output = tensors[3];

    for (int32_t row = 0; row < rows; row++, input += depth, output += outputs) {
        const float *weights = tensors[1];
        int32_t o = 0;
        for (; o + 4 <= outputs; o += 4, weights += (ptrdiff_t)4 * depth)
            outputs_of(4, input, weights, bias + o, &layer, output + o);
        for (; o + 2 <= outputs; o += 2, weights += (ptrdiff_t)2 * depth)
            outputs_of(2, input, weights, bias + o, &layer, output + o);
        if (o < outputs)
            outputs_of(1, input, weights, bias + o, &layer, output + o);
    }
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
