/* Vectors of float32 with AVX2. */
#ifndef EK_FLOAT32_AVX2_H
#define EK_FLOAT32_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#define TARGET __attribute__((target("avx2,fma")))

enum { LANES = 8, REGISTERS = 16 };

typedef __m256 Vector;

#define SPLAT(x) _mm256_set1_ps(x)
#define FUSED(a, b, c) _mm256_fmadd_ps(a, b, c)
/* Maximum and minimum return their second operand if one is NaN or both are zero. */
#define CLAMPED(values, lowest, highest)                                                           \
    _mm256_min_ps(highest, _mm256_max_ps(lowest, values))
#define STORE(to, values, lanes) store(to, values, lanes)

TARGET static inline void store(float *to, Vector values, int32_t lanes)
{
    const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    if (lanes == LANES)
        _mm256_storeu_ps(to, values);
    else
        _mm256_maskstore_ps(to, _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), numbers), values);
}

#endif
