/* CONV_2D of uint8, and of float32 with int8 weights, in pairs of int16: the outputs of some
 * positions. The file that includes this defines TARGET, KERNEL(name), Sums and grown(sums, x,
 * weights): 16 sums, and those with the products of a pair of inputs and 16 pairs of weights; and
 * MANY, which divides EK_TILE: positions whose sums fit the registers. conv_2d_pairs.c lays their
 * windows out, packing/conv_2d_pairs.c the weights. */
#include <immintrin.h>
#include <string.h>

#include "conv_2d_pairs_run.h"
#include "float_bits.h"

#define INLINE TARGET __attribute__((always_inline)) static inline
#define UNROLL _Pragma("GCC unroll 32")

enum { LANES = 8 };

/* ek_rescale_twice, with the heads of 8 outputs. */
INLINE __m256i rescaled_twice(__m256i total, const int32_t *head)
{
    const __m256i multiplier = _mm256_loadu_si256((const void *)(head + EK_PAIRS_WIDTH));
    const __m256i left = _mm256_loadu_si256((const void *)(head + 2 * EK_PAIRS_WIDTH));
    const __m256i right = _mm256_loadu_si256((const void *)(head + 3 * EK_PAIRS_WIDTH));
    const __m256i half = _mm256_set1_epi64x((int64_t)1 << 30), one = _mm256_set1_epi32(1);
    const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, right), one);
    total = _mm256_sllv_epi32(total, left);
    __m256i even = _mm256_mul_epi32(total, multiplier);
    __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(total, 32), _mm256_srli_epi64(multiplier, 32));
    even = _mm256_srli_epi64(_mm256_add_epi64(even, half), 31);
    odd = _mm256_slli_epi64(_mm256_add_epi64(odd, half), 1);
    const __m256i high = _mm256_blend_epi32(even, odd, 0xaa);
    const __m256i threshold =
        _mm256_sub_epi32(_mm256_srli_epi32(mask, 1), _mm256_srai_epi32(high, 31));
    const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(high, mask), threshold);
    return _mm256_sub_epi32(_mm256_srav_epi32(high, right), up);
}

/* Writes ``count`` of 8 outputs of a position. */
INLINE void finish_uint8(const Conv2D *p, const int32_t *sums, const int32_t *head, int32_t count,
                         uint8_t *output)
{
    __m256i value = _mm256_add_epi32(_mm256_loadu_si256((const void *)sums),
                                     _mm256_loadu_si256((const void *)head));
    value = rescaled_twice(value, head);
    value = _mm256_add_epi32(value, _mm256_set1_epi32(p->output_zero_point));
    value = _mm256_max_epi32(value, _mm256_set1_epi32(p->lowest));
    value = _mm256_min_epi32(value, _mm256_set1_epi32(p->highest));
    __m128i bytes =
        _mm_packs_epi32(_mm256_castsi256_si128(value), _mm256_extracti128_si256(value, 1));
    bytes = _mm_packus_epi16(bytes, bytes);
    if (count == LANES)
        _mm_storel_epi64((void *)output, bytes);
    else
        memcpy(output, &bytes, (size_t)count);
}

INLINE void finish_hybrid(const Conv2D *p, EkPairs kind, float step, const int32_t *sums,
                          const int32_t *head, int32_t count, float *output)
{
    const __m256 sum = _mm256_cvtepi32_ps(_mm256_loadu_si256((const void *)sums));
    const __m256 bias = _mm256_loadu_ps((const void *)head), steps = _mm256_set1_ps(step);
    const __m256 scale = _mm256_loadu_ps((const void *)(head + EK_PAIRS_WIDTH));
    __m256 value = kind == EK_PAIRS_ASYMMETRIC ? _mm256_mul_ps(_mm256_mul_ps(sum, scale), steps)
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
                        char *output)
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
            if (kind == EK_PAIRS_UINT8)
                finish_uint8(p, stored[i] + lane, block + lane, lanes, (uint8_t *)output + at);
            else
                finish_hybrid(p, kind, step, stored[i] + lane, block + lane, lanes,
                              (float *)(void *)output + at);
        }
}

/* tensors: input uint8, weights, bias, multiplier, shift, output, scratch. */
void KERNEL(conv_2d_uint8_twice)(const int32_t *params, void *const *tensors)
{
    ek_run_conv_2d_pairs(EK_PAIRS_UINT8, params, tensors, 5, tile, MANY);
}

/* tensors: input float, weights, bias, scale, output, scratch. */
void KERNEL(conv_2d_hybrid_symmetric)(const int32_t *params, void *const *tensors)
{
    ek_run_conv_2d_pairs(EK_PAIRS_SYMMETRIC, params, tensors, 4, tile, MANY);
}

void KERNEL(conv_2d_hybrid_asymmetric)(const int32_t *params, void *const *tensors)
{
    ek_run_conv_2d_pairs(EK_PAIRS_ASYMMETRIC, params, tensors, 4, tile, MANY);
}
