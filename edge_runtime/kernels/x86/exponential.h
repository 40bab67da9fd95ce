/* exponential.h and sigmoid_float32.h in vectors; the same bytes. The file that includes this
 * defines LANES, 8 with AVX-512 and 4 with AVX2: numbers at once, of which doubles fill a vector.
 *
 * What the portable kernels calculate in double and round to float is first calculated quickly, with
 * fused products and fewer terms; where the rounded number depends on how far that may be off, once
 * in a thousand vectors, it is calculated again as exponential.h does. */
#include <immintrin.h>
#include <string.h>

#if LANES == 8
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define LARGER(a, b) (Doubles)_mm512_max_pd((__m512d)(a), (__m512d)(b))
#define SMALLER(a, b) (Doubles)_mm512_min_pd((__m512d)(a), (__m512d)(b))
#define FUSED(a, b, c) (Doubles)_mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c))
#define LARGER_FLOATS(a, b) (Floats)_mm256_max_ps((__m256)(a), (__m256)(b))
#define FIRST(count) (__mmask8)(0xff >> (LANES - (count)))
#define LOAD(from, there) (Floats)_mm256_maskz_loadu_ps(there, from)
#define STORE(to, there, numbers) _mm256_mask_storeu_ps(to, there, (__m256)(numbers))
#else
#define TARGET __attribute__((target("avx2,fma")))
#define LARGER(a, b) (Doubles)_mm256_max_pd((__m256d)(a), (__m256d)(b))
#define SMALLER(a, b) (Doubles)_mm256_min_pd((__m256d)(a), (__m256d)(b))
#define FUSED(a, b, c) (Doubles)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c))
#define LARGER_FLOATS(a, b) (Floats)_mm_max_ps((__m128)(a), (__m128)(b))
#define FIRST(count) _mm_cmpgt_epi32(_mm_set1_epi32(count), _mm_setr_epi32(0, 1, 2, 3))
#define LOAD(from, there) (Floats)_mm_maskload_ps(from, there)
#define STORE(to, there, numbers) _mm_maskstore_ps(to, there, (__m128)(numbers))
#endif
#define INLINE TARGET __attribute__((always_inline)) static inline
#define SHARED TARGET __attribute__((noinline)) static

typedef double Doubles __attribute__((vector_size(8 * LANES)));
typedef int64_t Longs __attribute__((vector_size(8 * LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * LANES)));
typedef float Floats __attribute__((vector_size(4 * LANES)));

INLINE Doubles all(double number)
{
    return number - (Doubles){0};
}

INLINE Doubles chosen(Longs mask, Doubles a, Doubles b)
{
    return (Doubles)((mask & (Longs)a) | (~mask & (Longs)b));
}

INLINE Floats floats_of(Doubles numbers)
{
    return __builtin_convertvector(numbers, Floats);
}

INLINE Doubles doubles_of(Floats numbers)
{
#if LANES == 8
    return (Doubles)_mm512_cvtps_pd((__m256)numbers);
#else
    return (Doubles)_mm256_cvtps_pd((__m128)numbers);
#endif
}

/* The first "left" floats, if those are fewer. */
INLINE Floats load(const float *from, int32_t left)
{
    Floats numbers;
    if (left < LANES)
        return LOAD(from, FIRST(left));
    memcpy(&numbers, from, sizeof numbers);
    return numbers;
}

INLINE void store(float *to, Floats numbers, int32_t left)
{
    if (left < LANES)
        STORE(to, FIRST(left), numbers);
    else
        memcpy(to, &numbers, sizeof numbers);
}

/* ek_exp; of NaN and a bound, LARGER and SMALLER are the bound. GELU does without. */
SHARED __attribute__((unused)) Doubles exp_of(Doubles x)
{
    x = SMALLER(LARGER(x, all(-708)), all(709));
    const Doubles half = (Doubles)(((Longs)x & (Longs)all(-0.0)) | (Longs)all(0.5));
    const Ints power = __builtin_convertvector(x * 1.4426950408889634 + half, Ints);
    const Doubles k = __builtin_convertvector(power, Doubles);
    const Doubles r = (x - k * 0.6931471803691238) - k * 1.9082149292705877e-10;
    Doubles sum = all(1.0 / 479001600);
    sum = sum * r + 1.0 / 39916800;
    sum = sum * r + 1.0 / 3628800;
    sum = sum * r + 1.0 / 362880;
    sum = sum * r + 1.0 / 40320;
    sum = sum * r + 1.0 / 5040;
    sum = sum * r + 1.0 / 720;
    sum = sum * r + 1.0 / 120;
    sum = sum * r + 1.0 / 24;
    sum = sum * r + 1.0 / 6;
    sum = sum * r + 0.5;
    sum = sum * r + 1;
    sum = sum * r + 1;
    return sum * (Doubles)(__builtin_convertvector(power + 1023, Longs) << 52);
}

/* exp(x) as scale * (1 + rest), of x within 150, which is what floats can hold; rest is off by less
 * than 2^-45 of itself, and exp(x) by less than 2^-46. */
typedef struct {
    Doubles scale, rest;
} Power;

INLINE Power power_of(Doubles x)
{
    /* The sum's last bits are the rounded quotient of x and log 2, and an exponent's bias. */
    const double rounding = 6755399441055744.0 + 1023;
    x = SMALLER(LARGER(x, all(-150)), all(150));
    const Doubles shifted = FUSED(x, all(1.4426950408889634), all(rounding));
    const Doubles r = FUSED(shifted - rounding, all(-0.69314718055994531), x);
    Doubles sum = all(1.0 / 39916800);
    sum = FUSED(sum, r, all(1.0 / 3628800));
    sum = FUSED(sum, r, all(1.0 / 362880));
    sum = FUSED(sum, r, all(1.0 / 40320));
    sum = FUSED(sum, r, all(1.0 / 5040));
    sum = FUSED(sum, r, all(1.0 / 720));
    sum = FUSED(sum, r, all(1.0 / 120));
    sum = FUSED(sum, r, all(1.0 / 24));
    sum = FUSED(sum, r, all(1.0 / 6));
    sum = FUSED(sum, r, all(0.5));
    const Power power = {(Doubles)((Longs)shifted << 52), FUSED(sum * r, r, r)};
    return power;
}

/* 1 / x, off by less than 2^-41 of it; x is positive. */
INLINE Doubles inverse_of(Doubles x)
{
#if LANES == 8
    const Doubles near = (Doubles)_mm512_rcp14_pd((__m512d)x);
    const Doubles wrong = FUSED(-x, near, all(1));
    return FUSED(near, FUSED(wrong, wrong, wrong), near);
#else
    return 1 / x;
#endif
}

/* Whether a lane, rounded to float, may differ from a number that is within 2^room units of the last
 * place of its double, or is not a normal float or 0. */
INLINE int uncertain(Doubles numbers, int room)
{
    const int64_t half = (int64_t)1 << 28, within = (int64_t)1 << room;
    const Doubles sizes = (Doubles)((Longs)numbers & ~(Longs)all(-0.0));
    const Longs moved = (Longs)sizes - (half - within), zero = {0};
    const Longs mask = zero + (2 * half - 2 * within);
#if LANES == 8
    const __mmask8 tiny = _mm512_cmp_pd_mask((__m512d)sizes, _mm512_set1_pd(0x1p-126), _CMP_LT_OQ);
    return _mm512_testn_epi64_mask((__m512i)moved, (__m512i)mask) |
           _mm512_mask_cmp_pd_mask(tiny, (__m512d)sizes, (__m512d)zero, _CMP_NEQ_OQ);
#else
    const Longs either = ((moved & mask) == zero) | ((sizes < 0x1p-126) & (sizes > 0));
    return _mm256_movemask_pd((__m256d)either);
#endif
}

/* A room for functions of exponentials: these and sigmoid_float32.h are within 2^-40 of the exact
 * number, 2^13 units of the last place, and as much again is a margin. */
enum { ROOM = 14 };
