/* What AVX2 and AVX-VNNI share of CONV_2D of int8: vectors of 8 sums. */
#include <string.h>

/* Bytes as uint8, 128 added. */
INLINE void copy(uint8_t *to, const int8_t *from, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        to[i] = (uint8_t)(from[i] + 128);
}

INLINE __m256i load(const char *bytes)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

/* ek_rescale_twice. */
INLINE __m256i rescaled_twice(__m256i total, const char *head)
{
    const __m256i half = _mm256_set1_epi64x((int64_t)1 << 30), one = _mm256_set1_epi32(1);
    const __m256i multiplier = load(head + COLUMN_BYTES), right = load(head + 3 * COLUMN_BYTES);
    const __m256i moved = _mm256_sllv_epi32(total, load(head + 2 * COLUMN_BYTES));
    __m256i even = _mm256_mul_epi32(moved, multiplier);
    __m256i odd =
        _mm256_mul_epi32(_mm256_srli_epi64(moved, 32), _mm256_srli_epi64(multiplier, 32));
    even = _mm256_srli_epi64(_mm256_add_epi64(even, half), 31);
    odd = _mm256_slli_epi64(_mm256_add_epi64(odd, half), 1);
    const __m256i high = _mm256_blend_epi32(even, odd, 0xaa);
    const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, right), one);
    const __m256i threshold =
        _mm256_add_epi32(_mm256_srli_epi32(mask, 1), _mm256_srli_epi32(high, 31));
    const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(high, mask), threshold); /* -1 */
    return _mm256_sub_epi32(_mm256_srav_epi32(high, right), up);
}

INLINE void store(int8_t *output, int32_t lanes, __m256i numbers)
{
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(numbers),
                                          _mm256_extracti128_si256(numbers, 1));
    int8_t bytes[2 * LANES];
    _mm_storeu_si128((__m128i *)(void *)bytes, _mm_packs_epi16(words, words));
    if (lanes == LANES)
        memcpy(output, bytes, LANES);
    else
        memcpy(output, bytes, (size_t)lanes);
}

INLINE void finish_twice(const Conv2D *p, Vector sums, const char *head, int32_t lanes,
                         int8_t *output)
{
    const __m256i moved = _mm256_add_epi32(rescaled_twice(sums, head),
                                           _mm256_set1_epi32(p->output_zero_point));
    const __m256i above = _mm256_max_epi32(moved, _mm256_set1_epi32(p->lowest));
    store(output, lanes, _mm256_min_epi32(above, _mm256_set1_epi32(p->highest)));
}

INLINE void finish_float(const Conv2D *p, Vector sums, const char *head, int32_t lanes,
                         int8_t *output)
{
    const int32_t zero_point = p->output_zero_point;
    const __m256 low = _mm256_set1_ps((float)(p->lowest - zero_point));
    const __m256 high = _mm256_set1_ps((float)(p->highest - zero_point));
    const __m256 scale = _mm256_castsi256_ps(load(head + COLUMN_BYTES));
    const __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), scale);
    const __m256 bounded = _mm256_min_ps(high, _mm256_max_ps(low, scaled));
    store(output, lanes,
          _mm256_add_epi32(_mm256_cvtps_epi32(bounded), _mm256_set1_epi32(zero_point)));
}

#include "conv_2d_int8.h"
