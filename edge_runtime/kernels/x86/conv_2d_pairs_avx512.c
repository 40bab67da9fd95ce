/* CONV_2D of float32 with int8 weights, with AVX-512 VNNI. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))
#define KERNEL(name) ek_##name##_avx512

enum { MANY = 12 };

typedef __m512i Sums;

TARGET __attribute__((always_inline)) static inline Sums grown(Sums sums, int32_t x,
                                                               const int32_t *weights)
{
    return _mm512_dpwssd_epi32(sums, _mm512_set1_epi32(x), _mm512_loadu_si512(weights));
}

#include "conv_2d_pairs.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
