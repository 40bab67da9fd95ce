/* LOGISTIC, TANH, ELU and EXP of float32 with AVX-512, 16 numbers at once; the same bytes as the
 * portable kernels.
 *
 * Those calculate in double, to 40 bits and more, and round to float. Here numbers are sums of two
 * floats; where the rounded sum depends on how far it may be off, once in some hundred vectors, the
 * variant for AVX2 calculates it. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>

#include "float_bits.h"
#include "table.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define INLINE TARGET __attribute__((always_inline)) static inline
#define SHARED TARGET __attribute__((noinline)) static

enum { LANES = 16, STEPS = 32 }; /* STEPS: of powers of two in an octave */

typedef enum { TANH, ELU, LOGISTIC, EXP } Function;

/* 2^(i / STEPS) to the nearest float, and what that lacks. */
static const float POWERS[STEPS] = {
    0x1p0f, 0x1.059b0ep0f, 0x1.0b5586p0f, 0x1.11301ep0f, 0x1.172b84p0f, 0x1.1d4874p0f,
    0x1.2387a6p0f, 0x1.29e9ep0f, 0x1.306fep0f, 0x1.371a74p0f, 0x1.3dea64p0f, 0x1.44e086p0f,
    0x1.4bfdaep0f, 0x1.5342b6p0f, 0x1.5ab07ep0f, 0x1.6247ecp0f, 0x1.6a09e6p0f, 0x1.71f75ep0f,
    0x1.7a1148p0f, 0x1.82589ap0f, 0x1.8ace54p0f, 0x1.93737cp0f, 0x1.9c4918p0f, 0x1.a5503cp0f,
    0x1.ae89fap0f, 0x1.b7f77p0f, 0x1.c199bep0f, 0x1.cb720ep0f, 0x1.d5818ep0f, 0x1.dfc974p0f,
    0x1.ea4afap0f, 0x1.f50766p0f,
};
static const float RESTS[STEPS] = {
    0, -0x1.9d4f52p-25f, 0x1.9f3122p-25f, -0x1.fdb496p-25f, -0x1.c15742p-27f, -0x1.d2e8cap-25f,
    0x1.ceac48p-25f, -0x1.5c0424p-25f, 0x1.4636e2p-25f, -0x1.18aac6p-25f, 0x1.824684p-25f,
    0x1.8624b4p-30f, -0x1.593abcp-25f, -0x1.2c561p-25f, -0x1.5bd5ecp-27f, -0x1.f8b55p-25f,
    0x1.9fcef4p-26f, 0x1.1d8beep-25f, -0x1.829fdp-25f, -0x1.accc7cp-26f, 0x1.15506ep-27f,
    -0x1.e64744p-25f, 0x1.51f848p-27f, -0x1.b83b54p-25f, -0x1.a94b14p-26f, -0x1.a09438p-25f,
    -0x1.3d56b2p-27f, -0x1.8837ccp-27f, -0x1.822dbcp-27f, -0x1.908c94p-25f, 0x1.52486cp-27f,
    -0x1.246ebp-26f,
};

INLINE __m512 all(float number)
{
    return _mm512_set1_ps(number);
}

INLINE __m512 looked_up(const float *table, __m512i index)
{
    return _mm512_permutex2var_ps(_mm512_loadu_ps(table), index, _mm512_loadu_ps(table + LANES));
}

/* A number as the sum of two floats, off by less than "wrong" and 2^-37 of it. */
typedef struct {
    __m512 high, low, wrong;
} Pair;

/* exp(x) - less, for x from -40 to 40, and up to 0 where less is 1. */
INLINE Pair power_of(__m512 x, __m512 less)
{
    /* x is a number of steps, which the sum's last bits are, and a rest: log 2 / STEPS is a float
     * of so few bits that "r" is exact, less a small one. */
    const __m512 magic = all(0x1.8p23f);
    const __m512 sum = _mm512_fmadd_ps(x, all(0x1.715476p5f), magic);
    const __m512 steps = _mm512_sub_ps(sum, magic);
    const __m512 r = _mm512_fnmadd_ps(steps, all(0x1.62e43p-6f), x);
    const __m512 square = _mm512_mul_ps(r, r);
    __m512 rest = _mm512_fmadd_ps(all(1.0f / 120), r, all(1.0f / 24));
    rest = _mm512_fmadd_ps(rest, r, all(1.0f / 6));
    rest = _mm512_fmadd_ps(rest, r, all(0.5f));
    const __m512 left = _mm512_mul_ps(steps, all(0x1.05c61p-34f));
    rest = _mm512_fmadd_ps(rest, square, _mm512_fmadd_ps(left, r, left));
    const __m512i bits = _mm512_castps_si512(sum);
    const __m512i octave =
        _mm512_and_si512(_mm512_slli_epi32(bits, 18), _mm512_set1_epi32((int32_t)0xff800000));
    const __m512 scale =
        _mm512_castsi512_ps(_mm512_add_epi32(octave, _mm512_castps_si512(all(1))));
    const __m512 power = _mm512_mul_ps(looked_up(POWERS, bits), scale);
    const __m512 below = _mm512_mul_ps(looked_up(RESTS, bits), scale);
    /* (power + below) * (1 + r + rest) - less, and what its large sums and its product lack. */
    const __m512 product = _mm512_mul_ps(power, r);
    const __m512 first = _mm512_sub_ps(power, less);
    const __m512 high = _mm512_add_ps(first, product);
    __m512 low = _mm512_fmadd_ps(power, rest, _mm512_fmadd_ps(below, r, below));
    low = _mm512_add_ps(low, _mm512_sub_ps(power, _mm512_add_ps(first, less)));
    low = _mm512_add_ps(low, _mm512_fmsub_ps(power, r, product));
    low = _mm512_add_ps(low, _mm512_sub_ps(product, _mm512_sub_ps(high, first)));
    /* From "rest" on, 8 roundings of numbers up to half the square: each 2^-25 of it. */
    const Pair pair = {high, low, _mm512_mul_ps(_mm512_mul_ps(power, square), all(0x1p-22f))};
    return pair;
}

/* The quotient by added + d, which is between 1 and 2: of 1 or of d itself. It changes with d by at
 * most twice as much over the divisor. */
INLINE Pair quotient(__m512 high, __m512 low, float added, Pair d)
{
    const __m512 sum = _mm512_add_ps(all(added), d.high);
    __m512 rest = _mm512_add_ps(_mm512_sub_ps(d.high, _mm512_sub_ps(sum, all(added))), d.low);
    const __m512 divisor = _mm512_add_ps(sum, rest);
    rest = _mm512_sub_ps(rest, _mm512_sub_ps(divisor, sum));
    const __m512 near = _mm512_rcp14_ps(divisor);
    const __m512 inverse = _mm512_fmadd_ps(near, _mm512_fnmadd_ps(divisor, near, all(1)), near);
    const __m512 first = _mm512_mul_ps(high, inverse);
    __m512 left = _mm512_fnmadd_ps(first, divisor, high);
    left = _mm512_add_ps(left, _mm512_fnmadd_ps(first, rest, low));
    const Pair pair = {first, _mm512_mul_ps(left, inverse),
                       _mm512_mul_ps(_mm512_add_ps(d.wrong, d.wrong), inverse)};
    return pair;
}

/* tensors: input float [count], output float [count]; LOGISTIC is exp(x) below a number. */
SHARED void run(Function function, const int32_t *params, ek_kernel *slower, void *const *tensors)
{
    const float *input = tensors[0];
    float *output = tensors[1];
    const __m512 zero = _mm512_setzero_ps();
    const __m512 below = all(function == LOGISTIC ? ek_float(&params[1]) : 0);
    for (int32_t left = params[0]; left > 0; left -= LANES, input += LANES, output += LANES) {
        const __mmask16 there = (__mmask16)(0xffff >> (left < LANES ? LANES - left : 0));
        __m512 numbers = _mm512_maskz_loadu_ps(there, input);
        const __mmask16 negative = _mm512_cmp_ps_mask(numbers, zero, _CMP_LT_OQ);
        const __m512 size = _mm512_abs_ps(numbers);
        const __m512 x = function == TANH       ? _mm512_mul_ps(size, all(-2))
                         : function == LOGISTIC ? _mm512_sub_ps(zero, size)
                         : function == ELU      ? _mm512_min_ps(numbers, zero)
                                                : numbers;
        const __m512 bounded = _mm512_min_ps(_mm512_max_ps(x, all(-40)), all(40));
        Pair pair = power_of(bounded, all(function == TANH || function == ELU ? 1 : 0));
        if (function == TANH) {
            pair = quotient(pair.high, pair.low, 2, pair);
        } else if (function == LOGISTIC) {
            const __mmask16 far = _mm512_cmp_ps_mask(numbers, below, _CMP_LT_OQ);
            const __m512 high = _mm512_mask_blend_ps(negative, all(1), pair.high);
            const Pair q = quotient(high, _mm512_maskz_mov_ps(negative, pair.low), 1, pair);
            pair.high = _mm512_mask_blend_ps(far, q.high, pair.high);
            pair.low = _mm512_mask_blend_ps(far, q.low, pair.low);
            pair.wrong = _mm512_mask_blend_ps(far, q.wrong, pair.wrong);
        }
        const __m512 wrong =
            _mm512_fmadd_ps(_mm512_abs_ps(pair.high), all(0x1p-37f), pair.wrong);
        __m512 result = _mm512_add_ps(pair.high, _mm512_add_ps(pair.low, wrong));
        const __m512 least = _mm512_add_ps(pair.high, _mm512_sub_ps(pair.low, wrong));
        __mmask16 uncertain = _mm512_cmp_ps_mask(result, least, _CMP_NEQ_UQ);
        if (function == TANH || function == ELU) /* which end at -40, but for NaN */
            uncertain |= _mm512_cmp_ps_mask(numbers, numbers, _CMP_UNORD_Q);
        else
            uncertain |= _mm512_cmp_ps_mask(x, bounded, _CMP_NEQ_UQ);
        if (function == TANH) /* not -0 */
            result = _mm512_mask_sub_ps(result, (__mmask16)~negative, zero, result);
        if (function == ELU)
            result = _mm512_mask_mov_ps(numbers, negative, result);
        if (__builtin_expect(uncertain, 0)) {
            const int32_t some[2] = {LANES, function == LOGISTIC ? params[1] : 0};
            slower(some, (void *[]){&numbers, &result});
        }
        _mm512_mask_storeu_ps(output, there, result);
    }
}

TARGET void ek_logistic_float32_avx512(const int32_t *params, void *const *tensors)
{
    run(LOGISTIC, params, ek_logistic_float32_avx2, tensors);
}

TARGET void ek_tanh_float32_avx512(const int32_t *params, void *const *tensors)
{
    run(TANH, params, ek_tanh_float32_avx2, tensors);
}

TARGET void ek_elu_float32_avx512(const int32_t *params, void *const *tensors)
{
    run(ELU, params, ek_elu_float32_avx2, tensors);
}

TARGET void ek_transcendental_exp_float32_avx512(const int32_t *params, void *const *tensors)
{
    run(EXP, params, ek_transcendental_exp_float32_avx2, tensors);
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
