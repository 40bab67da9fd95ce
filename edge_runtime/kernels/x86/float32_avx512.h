/* Vectors of float32 with AVX-512. */
#ifndef EK_FLOAT32_AVX512_H
#define EK_FLOAT32_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))

enum { LANES = 16, REGISTERS = 32 };

typedef __m512 Vector;

#define SPLAT(x) _mm512_set1_ps(x)
#define FUSED(a, b, c) _mm512_fmadd_ps(a, b, c)
/* Maximum and minimum return their second operand if one is NaN or both are zero. */
#define CLAMPED(values, lowest, highest)                                                           \
    _mm512_min_ps(highest, _mm512_max_ps(lowest, values))
#define STORE(to, values, lanes) _mm512_storeu_ps(to, values) /* lanes are all */

TARGET static inline void store(float *to, Vector values, int32_t lanes)
{
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << lanes) - 1), values);
}

#endif
