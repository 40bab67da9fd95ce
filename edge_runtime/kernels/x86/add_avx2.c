/* ADD and SUB of int16 with AVX2. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include "add.h"
#include "elementwise_avx2.h"
#include "rescaling_avx2.h"

typedef struct {
    AddRescaled params;
    Scaling a, b, total;
} Prepared;

INLINE Prepared prepared(const int32_t *params)
{
    Prepared p;
    memcpy(&p.params, params, sizeof p.params);
    p.a = scaling_of(p.params.a_multiplier, p.params.a_shift);
    p.b = scaling_of(p.params.b_multiplier, p.params.b_shift);
    p.total = scaling_of(p.params.multiplier, p.params.shift);
    return p;
}

/* An input less its zero point, times 2^headroom, rescaled. */
INLINE __m256i lifted(__m256i input, int32_t zero_point, int32_t headroom, Scaling scaling)
{
    input = _mm256_sub_epi32(input, _mm256_set1_epi32(zero_point));
    return rescaled_twice(_mm256_sll_epi32(input, _mm_cvtsi32_si128(headroom)), scaling);
}

INLINE __m256i rescaled(const Prepared *p, __m256i a, __m256i b)
{
    a = lifted(a, p->params.a_zero_point, p->params.headroom, p->a);
    b = lifted(b, p->params.b_zero_point, p->params.headroom, p->b);
    b = _mm256_sign_epi32(b, _mm256_set1_epi32(p->params.sign));
    const __m256i total = rescaled_twice(_mm256_add_epi32(a, b), p->total);
    const __m256i moved = _mm256_add_epi32(total, _mm256_set1_epi32(p->params.zero_point));
    return clamped(moved, p->params.lowest, p->params.highest);
}

EK_ELEMENTWISE_AVX2(ek_add_int16_twice_avx2, int16_t, Prepared, prepared, rescaled)
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
