/* ADD and SUB of integers with AVX2. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include "add.h"
#include "elementwise_avx2.h"

/* The sum is calculated quickly, in float, where its distance from a half exceeds what that and the
 * roundings of ek_rescale_twice can be off by, and otherwise as the portable kernel does. */
typedef struct {
    AddRescaled params;
    Scaling a, b, total;
    __m256 a_factor, b_factor, offset, certain; /* certain: the largest distance from an integer */
} Prepared;

/* 2^power. */
INLINE double power_of_two(int32_t power)
{
    const int64_t bits = (int64_t)(power + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

INLINE Prepared prepared(const int32_t *params)
{
    Prepared p;
    memcpy(&p.params, params, sizeof p.params);
    p.a = scaling_of(p.params.a_multiplier, p.params.a_shift);
    p.b = scaling_of(p.params.b_multiplier, p.params.b_shift);
    p.total = scaling_of(p.params.multiplier, p.params.shift);
    /* A step of the lifted inputs and of each input, in steps of the output. */
    const double step = p.params.multiplier * power_of_two(p.params.shift - 31);
    const double unit = step * power_of_two(p.params.headroom - 31);
    const double a = unit * p.params.a_multiplier * power_of_two(p.params.a_shift);
    const double b = unit * p.params.b_multiplier * power_of_two(p.params.b_shift) * p.params.sign;
    const double offset = p.params.zero_point - a * p.params.a_zero_point -
                          b * p.params.b_zero_point;
    const double size = (offset < 0 ? -offset : offset) + 256 * a + 256 * (b < 0 ? -b : b);
    /* Two roundings of each input and of the sum; factors, offset, and two sums in float. */
    const double wrong = 3 * step + power_of_two(p.params.shift) +
                         size * power_of_two(-21);
    /* What the op lowers to; then no sum wraps. */
    const int usual = p.params.headroom <= 20 && p.params.a_shift <= 0 && p.params.b_shift <= 0 &&
                      p.params.shift <= 0;
    p.a_factor = _mm256_set1_ps((float)a);
    p.b_factor = _mm256_set1_ps((float)b);
    p.offset = _mm256_set1_ps((float)offset);
    p.certain = _mm256_set1_ps(usual && wrong < 0.25 ? (float)(0.5 - wrong) : -1.0f);
    return p;
}

/* An input less its zero point, times 2^headroom, rescaled. */
INLINE __m256i lifted(__m256i input, int32_t zero_point, int32_t headroom, Scaling scaling)
{
    input = _mm256_sub_epi32(input, _mm256_set1_epi32(zero_point));
    return rescaled_twice(_mm256_sll_epi32(input, _mm_cvtsi32_si128(headroom)), scaling);
}

SHARED __m256i exact(const Prepared *p, __m256i a, __m256i b)
{
    a = lifted(a, p->params.a_zero_point, p->params.headroom, p->a);
    b = lifted(b, p->params.b_zero_point, p->params.headroom, p->b);
    b = _mm256_sign_epi32(b, _mm256_set1_epi32(p->params.sign));
    const __m256i total = rescaled_twice(_mm256_add_epi32(a, b), p->total);
    const __m256i moved = _mm256_add_epi32(total, _mm256_set1_epi32(p->params.zero_point));
    return clamped(moved, p->params.lowest, p->params.highest);
}

INLINE __m256i rescaled(const Prepared *p, __m256i a, __m256i b)
{
    __m256 total = _mm256_fmadd_ps(_mm256_cvtepi32_ps(a), p->a_factor, p->offset);
    total = _mm256_fmadd_ps(_mm256_cvtepi32_ps(b), p->b_factor, total);
    const __m256 whole = _mm256_round_ps(total, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m256 rest = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), _mm256_sub_ps(total, whole));
    const __m256 uncertain = _mm256_cmp_ps(rest, p->certain, _CMP_NLT_UQ);
    if (__builtin_expect(_mm256_movemask_ps(uncertain), 0))
        return exact(p, a, b);
    return clamped(_mm256_cvtps_epi32(whole), p->params.lowest, p->params.highest);
}

EK_ELEMENTWISE_AVX2(ek_add_int8_twice_avx2, int8_t, Prepared, prepared, rescaled)
EK_ELEMENTWISE_AVX2(ek_add_uint8_twice_avx2, uint8_t, Prepared, prepared, rescaled)
EK_ELEMENTWISE_AVX2(ek_add_int16_twice_avx2, int16_t, Prepared, prepared, exact)
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
