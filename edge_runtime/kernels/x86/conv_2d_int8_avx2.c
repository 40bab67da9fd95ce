/* CONV_2D of int8 with AVX2, which has no product of uint8 and int8 that cannot saturate: elements
 * 0 and 2 of a quad, then 1 and 3, are multiplied as int16. */
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>
#include <string.h>

#include "conv_2d.h"

#define TARGET __attribute__((target("avx2")))
#define INLINE TARGET __attribute__((always_inline)) static inline
#define KERNEL(name) ek_##name##_avx2

/* A quad of weights is [2][8 lanes] of elements 0 and 2, then [8 lanes] of 1 and 3. */
enum { WIDTH = 16, COLUMN_BYTES = 4 * WIDTH }; /* of a packed block */
enum { LANES = 8, MANY = 6, FEW = 2, QUAD_BYTES = 128, ADDED = 128 };

typedef __m256i Vector;

typedef struct {
    __m256i even, odd;
} Quad;

INLINE Quad quad_at(const uint8_t *window)
{
    int32_t bytes;
    memcpy(&bytes, window, sizeof bytes);
    const __m256i four = _mm256_set1_epi32(bytes);
    const Quad quad = {_mm256_and_si256(four, _mm256_set1_epi16(0xff)), _mm256_srli_epi16(four, 8)};
    return quad;
}

INLINE Vector dot(Vector sum, Quad quad, const char *weights)
{
    const __m256i *const pairs = (const __m256i *)(const void *)weights;
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(quad.even, _mm256_loadu_si256(pairs)));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(quad.odd, _mm256_loadu_si256(pairs + 1)));
}

#include "conv_2d_int8_ymm.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
