/* Vectors of 8 sums of int8 layers, with AVX-VNNI. */

/* A test compiles this with the same instruction of AVX-512, where that is what the machine has. */
#ifdef EK_VNNI_OF_AVX512
#define TARGET __attribute__((target("avx2,avx512vl,avx512vnni")))
#define DPBUSD _mm256_dpbusd_epi32
#else
#define TARGET __attribute__((target("avx2,avxvnni")))
#define DPBUSD _mm256_dpbusd_avx_epi32
#endif
#define INLINE TARGET __attribute__((always_inline)) static inline

enum { ELEMENT = 1 };

#include "int8_ymm.h"

INLINE Vector dot(Vector sum, Chunk chunk, const char *weights)
{
    return DPBUSD(sum, chunk, load(weights));
}

/* Bytes as uint8, 128 added. */
INLINE void copy(uint8_t *to, const int8_t *from, ptrdiff_t count)
{
    const __m256i flip = _mm256_set1_epi8(-128);
    ptrdiff_t i = 0;
    for (; i + 32 <= count; i += 32)
        _mm256_storeu_si256((void *)(to + i), _mm256_xor_si256(load(from + i), flip));
    for (; i < count; i++)
        to[i] = (uint8_t)(from[i] + 128);
}

INLINE void fill(uint8_t *to, int32_t number, ptrdiff_t count)
{
    if (count > 0)
        memset(to, number + 128, (size_t)count);
}

enum { STRIDE = 32 }; /* numbers that are interleaved at once */

/* Chunks of the taps of STRIDE numbers, those of rows from[0] to from[3]. */
INLINE void interleave(const uint8_t *const *from, ptrdiff_t at, uint8_t *to)
{
    const __m256i order = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
    __m256i rows[4];
    UNROLL
    for (int32_t i = 0; i < 4; i++)
        rows[i] = _mm256_permutevar8x32_epi32(load(from[i] + at), order);
    const __m256i low = _mm256_unpacklo_epi8(rows[0], rows[1]);
    const __m256i high = _mm256_unpackhi_epi8(rows[0], rows[1]);
    const __m256i low_2 = _mm256_unpacklo_epi8(rows[2], rows[3]);
    const __m256i high_2 = _mm256_unpackhi_epi8(rows[2], rows[3]);
    _mm256_storeu_si256((void *)to, _mm256_unpacklo_epi16(low, low_2));
    _mm256_storeu_si256((void *)(to + 32), _mm256_unpackhi_epi16(low, low_2));
    _mm256_storeu_si256((void *)(to + 64), _mm256_unpacklo_epi16(high, high_2));
    _mm256_storeu_si256((void *)(to + 96), _mm256_unpackhi_epi16(high, high_2));
}
