/* Numbers rescaled by a multiplier and a shift that all have in common, with AVX2. */
#include "product_avx2.h"

/* A multiplier and its shift, of which either left or right is 0, as vectors. */
typedef struct {
    __m256i multiplier, mask, half;
    __m128i left, right;
} Scaling;

INLINE Scaling scaling_of(int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
    const int32_t mask = (int32_t)(((int64_t)1 << right) - 1);
    Scaling s;
    s.multiplier = _mm256_set1_epi32(multiplier);
    s.mask = _mm256_set1_epi32(mask);
    s.half = _mm256_set1_epi32(mask >> 1);
    s.left = _mm_cvtsi32_si128(left);
    s.right = _mm_cvtsi32_si128(right);
    return s;
}

/* ek_rescale_twice. */
INLINE __m256i rescaled_twice(__m256i total, Scaling s)
{
    const __m256i high = product(_mm256_sll_epi32(total, s.left), s.multiplier);
    const __m256i threshold = _mm256_sub_epi32(s.half, _mm256_srai_epi32(high, 31));
    const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(high, s.mask), threshold);
    return _mm256_sub_epi32(_mm256_sra_epi32(high, s.right), up);
}

/* ek_clamp. */
INLINE __m256i clamped(__m256i values, int32_t lowest, int32_t highest)
{
    values = _mm256_max_epi32(values, _mm256_set1_epi32(lowest));
    return _mm256_min_epi32(values, _mm256_set1_epi32(highest));
}
