/* Vectors of 8 sums of int8 layers, with AVX2, which has no product of uint8 and int8 that cannot
 * saturate: numbers are multiplied as int16. */

#define TARGET __attribute__((target("avx2")))
#define INLINE TARGET __attribute__((always_inline)) static inline

enum { ELEMENT = 2 };

#define FLIPS
#include "int8_ymm.h"

INLINE Vector dot(Vector sum, Chunk chunk, const char *weights)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(chunk, load(weights)));
}

/* Outputs of uint8 are clamped as int8, 128 less, and flipped back. */
INLINE Bounds flipped(Bounds bounds, int32_t flip)
{
    bounds.less = _mm256_set1_epi16((int16_t)flip);
    bounds.flip = _mm256_set1_epi8((char)flip);
    return bounds;
}

/* Numbers as int16, of bytes that are flipped first. */
INLINE void copy(uint8_t *to, const int8_t *from, ptrdiff_t count, int32_t flip)
{
    const __m128i flips = _mm_set1_epi8((char)flip);
    ptrdiff_t i = 0;
    for (; i + 16 <= count; i += 16) {
        const __m128i bytes = _mm_xor_si128(_mm_loadu_si128((const void *)(from + i)), flips);
        _mm256_storeu_si256((void *)(to + 2 * i), _mm256_cvtepi8_epi16(bytes));
    }
    for (; i < count; i++) {
        const int16_t number = (int8_t)(from[i] ^ flip);
        memcpy(to + 2 * i, &number, sizeof number);
    }
}

INLINE void fill(uint8_t *to, int32_t number, ptrdiff_t count)
{
    const int16_t wide = (int16_t)number;
    for (ptrdiff_t i = 0; i < count; i++)
        memcpy(to + 2 * i, &wide, sizeof wide);
}

enum { STRIDE = 16 }; /* numbers that are interleaved at once */

/* Chunks of the taps of STRIDE numbers, those of rows from[0] and from[1]. */
INLINE void interleave(const uint8_t *const *from, ptrdiff_t at, uint8_t *to)
{
    const __m256i a = _mm256_permute4x64_epi64(load(from[0] + at), 0xd8);
    const __m256i b = _mm256_permute4x64_epi64(load(from[1] + at), 0xd8);
    _mm256_storeu_si256((void *)to, _mm256_unpacklo_epi16(a, b));
    _mm256_storeu_si256((void *)(to + 32), _mm256_unpackhi_epi16(a, b));
}
