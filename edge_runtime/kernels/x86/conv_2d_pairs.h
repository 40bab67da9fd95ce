/* CONV_2D of float32 with int8 weights, in pairs of int16: the outputs of some positions. The
 * file that includes this defines TARGET, KERNEL(name), Sums and grown(sums, x, weights): 16
 * sums, and those with the products of a pair of inputs and 16 pairs of weights; and MANY, which
 * divides EK_TILE: positions whose sums fit the registers. conv_2d_pairs.c lays their windows
 * out, packing/conv_2d_pairs.c the weights. */
#include <immintrin.h>
#include <string.h>

#include "conv_2d_pairs_run.h"
#include "float_bits.h"

#define INLINE TARGET __attribute__((always_inline)) static inline
#define UNROLL _Pragma("GCC unroll 32")

enum { LANES = 8 };

/* Writes ``count`` of 8 outputs of a position. */
INLINE void finish_hybrid(const Conv2D *p, EkPairs kind, float step, const int32_t *sums,
                          const int32_t *head, int32_t count, float *output)
{
    const __m256 sum = _mm256_cvtepi32_ps(_mm256_loadu_si256((const void *)sums));
    const __m256 bias = _mm256_loadu_ps((const void *)head), steps = _mm256_set1_ps(step);
    const __m256 scale = _mm256_loadu_ps((const void *)(head + EK_PAIRS_WIDTH));
    __m256 value = kind == EK_PAIRS_ASYMMETRIC
                       ? _mm256_mul_ps(_mm256_mul_ps(sum, scale), steps)
                       : _mm256_mul_ps(sum, _mm256_mul_ps(steps, scale));
    value = _mm256_add_ps(value, bias);
    /* The second is what they give of NaN and a bound. */
    value = _mm256_max_ps(_mm256_set1_ps(ek_float(&p->lowest)), value);
    value = _mm256_min_ps(_mm256_set1_ps(ek_float(&p->highest)), value);
    if (count == LANES)
        _mm256_storeu_ps(output, value);
    else
        memcpy(output, &value, (size_t)count * sizeof *output);
}

/* An ek_pairs_tile of MANY positions. */
TARGET static void tile(const Conv2D *p, EkPairs kind, float step, const int16_t *windows,
                        int32_t pairs, const int32_t *block, int32_t count, int32_t left,
                        float *output)
{
    const int32_t *weights = block + EK_PAIRS_HEADS * EK_PAIRS_WIDTH;
    int32_t stored[MANY][EK_PAIRS_WIDTH];
    Sums sums[MANY];
    UNROLL
    for (int32_t i = 0; i < MANY; i++)
        memset(&sums[i], 0, sizeof sums[i]);
    for (int32_t k = 0; k < pairs; k++, weights += EK_PAIRS_WIDTH)
        UNROLL
        for (int32_t i = 0; i < MANY; i++) {
            int32_t pair;
            memcpy(&pair, windows + ((ptrdiff_t)i * pairs + k) * 2, sizeof pair);
            sums[i] = grown(sums[i], pair, weights);
        }
    UNROLL
    for (int32_t i = 0; i < MANY; i++)
        memcpy(stored[i], &sums[i], sizeof stored[i]);
    for (int32_t i = 0; i < MANY && i < count; i++)
        for (int32_t lane = 0; lane < EK_PAIRS_WIDTH && lane < left; lane += LANES) {
            const int32_t lanes = left - lane < LANES ? left - lane : LANES;
            const ptrdiff_t at = (ptrdiff_t)i * p->outputs + lane;
            finish_hybrid(p, kind, step, stored[i] + lane, block + lane, lanes, output + at);
        }
}

/* tensors: input float, weights, bias, scale, output, scratch. */
void KERNEL(conv_2d_hybrid_symmetric)(const int32_t *params, void *const *tensors)
{
    ek_run_conv_2d_pairs(EK_PAIRS_SYMMETRIC, params, tensors, tile, MANY);
}

void KERNEL(conv_2d_hybrid_asymmetric)(const int32_t *params, void *const *tensors)
{
    ek_run_conv_2d_pairs(EK_PAIRS_ASYMMETRIC, params, tensors, tile, MANY);
}
