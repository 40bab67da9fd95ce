/* CONV_2D of float32 with int8 weights, with AVX2. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))
#define KERNEL(name) ek_##name##_avx2

enum { MANY = 4 };

typedef struct {
    __m256i first, last;
} Sums;

TARGET __attribute__((always_inline)) static inline Sums grown(Sums sums, int32_t x,
                                                               const int32_t *weights)
{
    const __m256i pair = _mm256_set1_epi32(x);
    const __m256i first = _mm256_loadu_si256((const void *)weights);
    const __m256i last = _mm256_loadu_si256((const void *)(weights + 8));
    sums.first = _mm256_add_epi32(sums.first, _mm256_madd_epi16(pair, first));
    sums.last = _mm256_add_epi32(sums.last, _mm256_madd_epi16(pair, last));
    return sums;
}

#include "conv_2d_pairs.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
