/* MUL of int16 with AVX2. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include "elementwise_avx2.h"
#include "mul.h"
#include "rescaling_avx2.h"

typedef struct {
    MulRescaled params;
    Scaling scaling;
} Prepared;

INLINE Prepared prepared(const int32_t *params)
{
    Prepared p;
    memcpy(&p.params, params, sizeof p.params);
    p.scaling = scaling_of(p.params.multiplier, p.params.shift);
    return p;
}

INLINE __m256i rescaled(const Prepared *p, __m256i a, __m256i b)
{
    a = _mm256_sub_epi32(a, _mm256_set1_epi32(p->params.a_zero_point));
    b = _mm256_sub_epi32(b, _mm256_set1_epi32(p->params.b_zero_point));
    const __m256i scaled = rescaled_twice(_mm256_mullo_epi32(a, b), p->scaling);
    const __m256i moved = _mm256_add_epi32(scaled, _mm256_set1_epi32(p->params.zero_point));
    return clamped(moved, p->params.lowest, p->params.highest);
}

EK_ELEMENTWISE_AVX2(ek_mul_int16_twice_avx2, int16_t, Prepared, prepared, rescaled)
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
