/* ADD, SUB and MUL of two broadcast tensors of 8 bits in vectors; the same bytes as the portable
 * kernels. The file that includes this defines BYTES, 64 with AVX-512 and 32 with AVX2: elements at
 * once; and KERNEL(name) as the name of a kernel of its level. */
#include <immintrin.h>
#include <string.h>

#include "add.h"
#include "broadcast_rows.h"
#include "mul.h"
#include "table.h"

#if BYTES == 64
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define V(name) _mm512_##name
#define WHOLE(name) _mm512_##name##_si512
#define LONGS(number) _mm512_set1_epi64(number)
typedef __m512i Vector;
#else
#define TARGET __attribute__((target("avx2,fma")))
#define V(name) _mm256_##name
#define WHOLE(name) _mm256_##name##_si256
#define LONGS(number) _mm256_set1_epi64x(number)
typedef __m256i Vector;
#endif
#define INLINE TARGET __attribute__((always_inline)) static inline
#define SHARED TARGET __attribute__((noinline)) static
#define UNROLL _Pragma("GCC unroll 4")

enum { PARTS = 4 }; /* vectors of int32 with as many elements as one of bytes */

/* The first "left" bytes, at most BYTES; others are 0. */
INLINE Vector load(const int8_t *from, int32_t left)
{
    if (left >= BYTES)
        return WHOLE(loadu)((const void *)from);
#if BYTES == 64
    return _mm512_maskz_loadu_epi8(~(__mmask64)0 >> (BYTES - left), from);
#else
    int8_t some[BYTES] = {0};
    memcpy(some, from, (size_t)left);
    return _mm256_loadu_si256((const void *)some);
#endif
}

INLINE void store(int8_t *to, Vector bytes, int32_t left)
{
    if (left >= BYTES) {
        WHOLE(storeu)((void *)to, bytes);
        return;
    }
#if BYTES == 64
    _mm512_mask_storeu_epi8(to, ~(__mmask64)0 >> (BYTES - left), bytes);
#else
    int8_t all[BYTES];
    _mm256_storeu_si256((void *)all, bytes);
    memcpy(to, all, (size_t)left);
#endif
}

/* The high halves of numbers of 64 bits, in turns. */
INLINE Vector high_halves(Vector even, Vector odd)
{
#if BYTES == 64
    return _mm512_mask_shuffle_epi32(odd, 0x5555, even, 0xf5);
#else
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
#endif
}

INLINE int has_zero(Vector numbers)
{
#if BYTES == 64
    return _mm512_testn_epi32_mask(numbers, numbers) != 0;
#else
    return _mm256_movemask_epi8(_mm256_cmpeq_epi32(numbers, _mm256_setzero_si256())) != 0;
#endif
}

/* What outputs are clamped to, and what makes uint8 of int8 and back. */
typedef struct {
    Vector lowest, highest, flip;
} Bounds;

INLINE Bounds bounds_of(int32_t lowest, int32_t highest, int32_t flip)
{
    const Bounds bounds = {V(set1_epi8)((char)(lowest - flip)),
                           V(set1_epi8)((char)(highest - flip)), V(set1_epi8)((char)flip)};
    return bounds;
}

/* Clamped bytes of int32, whose order within lanes of 128 bits unpacking has changed. */
INLINE Vector packed(const Vector *parts, const Bounds *bounds)
{
    const Vector bytes = V(packs_epi16)(V(packs_epi32)(parts[0], parts[1]),
                                        V(packs_epi32)(parts[2], parts[3]));
    return V(min_epi8)(V(max_epi8)(bytes, bounds->lowest), bounds->highest);
}

/* Defines the loop over a row of int8, or of uint8 that are flipped to int8. */
#define EK_BINARY(run, Prepared, element)                                                          \
    TARGET static void run(const void *prepared, const EkRow *row)                                 \
    {                                                                                              \
        const Prepared p = *(const Prepared *)prepared;                                            \
        const int8_t *a = row->a, *b = row->b;                                                     \
        int8_t *output = row->output;                                                              \
        const int32_t count = row->count, a_moves = row->a_moves, b_moves = row->b_moves;          \
        const int32_t period = row->period;                                                        \
        const Vector flip = p.bounds.flip, same_a = V(set1_epi8)(*a), same_b = V(set1_epi8)(*b);   \
        for (int32_t i = 0, phase = 0; i < count; i += BYTES) {                                    \
            const int32_t left = count - i;                                                        \
            const Vector x = a_moves ? load(a + i, left) : same_a;                                 \
            const Vector y = b_moves ? load(b + phase, left) : same_b;                             \
            const Vector z = element(&p, WHOLE(xor)(x, flip), WHOLE(xor)(y, flip));                \
            store(output + i, WHOLE(xor)(z, flip), left);                                          \
            phase += BYTES;                                                                        \
            phase -= phase < period ? 0 : period;                                                  \
        }                                                                                          \
    }

/* ---- ADD and SUB ---- */

/* The sum is calculated in fixed point, which is exact where it is further from a half than that
 * and the roundings of ek_rescale_twice can be off by; otherwise it is calculated again. Vectors
 * have pairs of an element of a and one of b, each in the high byte of a word. */
typedef struct {
    const AddRescaled *params;
    Vector high, low;       /* words of both inputs' factors, of 30 bits */
    Vector offset, certain; /* certain: the bits that are all 0 near a half */
    __m128i right;
    Bounds bounds;
} Sum;

/* 2^power. */
INLINE double power_of_two(int32_t power)
{
    const int64_t bits = (int64_t)(power + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

INLINE double size_of(double number)
{
    return number < 0 ? -number : number;
}

INLINE Vector pairs(int32_t a, int32_t b)
{
    return V(set1_epi32)((int32_t)(((uint32_t)a & 0xffff) | (uint32_t)b << 16));
}

/* Returns 0 for parameters for which it would seldom be exact. */
INLINE int prepare_sum(Sum *p, const AddRescaled *s)
{
    /* What the op lowers to; then no sum wraps. */
    if (s->headroom > 20 || s->a_shift > 0 || s->b_shift > 0 || s->shift > 0)
        return 0;
    /* A step of the lifted inputs and of each input, in steps of the output. */
    const double step = s->multiplier * power_of_two(s->shift - 31);
    const double unit = step * power_of_two(s->headroom - 31);
    const double a = unit * s->a_multiplier * power_of_two(s->a_shift);
    const double b = unit * s->b_multiplier * power_of_two(s->b_shift) * s->sign;
    const double offset = s->zero_point + 0.5 - a * s->a_zero_point - b * s->b_zero_point;
    const double most = size_of(offset) + 128 * (size_of(a) + size_of(b)) + 1;
    int32_t right = 22, room = 2;
    while (right > 0 && most * power_of_two(right) >= 1 << 29)
        right--;
    /* Two roundings of each input, each half a step, and one of the sum; and 4 units of the fixed
     * point: of both factors, of what the low words give, and of the offset. */
    const double wrong = (2 * step + power_of_two(s->shift - 1)) * power_of_two(right) + 4;
    while (power_of_two(room) < wrong)
        room++;
    if (room > right - 3)
        return 0;
    const int32_t half = 1 << 14;
    const int32_t a_factor = (int32_t)(a * power_of_two(right + 7));
    const int32_t b_factor = (int32_t)(b * power_of_two(right + 7));
    const int32_t a_high = (a_factor + half) >> 15, b_high = (b_factor + half) >> 15;
    p->params = s;
    p->high = pairs(a_high, b_high);
    p->low = pairs(a_factor - a_high * 2 * half, b_factor - b_high * 2 * half);
    p->offset = V(set1_epi32)((int32_t)(offset * power_of_two(right)) + (1 << room));
    p->certain = V(set1_epi32)((1 << right) - (2 << room));
    p->right = _mm_cvtsi32_si128(right);
    return 1;
}

/* ek_rescale_twice, without a shift to the left. */
SHARED Vector rescaled_twice(Vector total, int32_t multiplier, int32_t shift)
{
    const Vector factor = V(set1_epi32)(multiplier);
    const Vector half = V(srli_epi64)(V(set1_epi32)(1 << 30), 32);
    const Vector even = V(add_epi64)(V(mul_epi32)(total, factor), half);
    const Vector odd = V(add_epi64)(V(mul_epi32)(V(srli_epi64)(total, 32), factor), half);
    Vector high = high_halves(V(slli_epi64)(even, 1), V(slli_epi64)(odd, 1));
    if (shift < 0) {
        high = V(add_epi32)(high, V(srai_epi32)(high, 31));
        high = V(add_epi32)(high, V(set1_epi32)(1 << (-shift - 1)));
    }
    return V(sra_epi32)(high, _mm_cvtsi32_si128(-shift));
}

SHARED Vector exact_sum(const AddRescaled *p, Vector words)
{
    Vector a = V(srai_epi32)(V(slli_epi32)(words, 16), 24), b = V(srai_epi32)(words, 24);
    const __m128i headroom = _mm_cvtsi32_si128(p->headroom);
    a = V(sll_epi32)(V(sub_epi32)(a, V(set1_epi32)(p->a_zero_point)), headroom);
    b = V(sll_epi32)(V(sub_epi32)(b, V(set1_epi32)(p->b_zero_point)), headroom);
    a = rescaled_twice(a, p->a_multiplier, p->a_shift);
    b = rescaled_twice(b, p->b_multiplier, p->b_shift);
    a = V(add_epi32)(a, V(mullo_epi32)(b, V(set1_epi32)(p->sign)));
    a = rescaled_twice(a, p->multiplier, p->shift);
    return V(add_epi32)(a, V(set1_epi32)(p->zero_point));
}

INLINE Vector sum(const Sum *p, Vector a, Vector b)
{
    const Vector zero = WHOLE(setzero)();
    const Vector low = V(unpacklo_epi8)(a, b), high = V(unpackhi_epi8)(a, b);
    const Vector words[PARTS] = {V(unpacklo_epi8)(zero, low), V(unpackhi_epi8)(zero, low),
                                 V(unpacklo_epi8)(zero, high), V(unpackhi_epi8)(zero, high)};
    Vector parts[PARTS], rest = p->certain;
    UNROLL
    for (int i = 0; i < PARTS; i++) {
        parts[i] = V(srai_epi32)(V(madd_epi16)(words[i], p->low), 15);
        parts[i] = V(add_epi32)(parts[i], V(madd_epi16)(words[i], p->high));
        parts[i] = V(add_epi32)(parts[i], p->offset);
        rest = V(min_epu32)(rest, WHOLE(and)(parts[i], p->certain));
        parts[i] = V(sra_epi32)(parts[i], p->right);
    }
    if (__builtin_expect(has_zero(rest), 0)) {
        UNROLL
        for (int i = 0; i < PARTS; i++)
            parts[i] = exact_sum(p->params, words[i]);
    }
    return packed(parts, &p->bounds);
}

EK_BINARY(sum_row, Sum, sum)

SHARED void add(const int32_t *params, void *const *tensors, int32_t flip, ek_kernel *portable)
{
    Sum p;
    AddRescaled s;
    memcpy(&s, params, sizeof s);
    s.a_zero_point -= flip;
    s.b_zero_point -= flip;
    s.zero_point -= flip;
    p.bounds = bounds_of(s.lowest, s.highest, flip);
    if (prepare_sum(&p, &s))
        ek_run_rows(sum_row, &p, 1, tensors);
    else
        portable(params, tensors);
}

TARGET void KERNEL(add_int8_twice)(const int32_t *params, void *const *tensors)
{
    add(params, tensors, 0, ek_add_int8_twice);
}

TARGET void KERNEL(add_uint8_twice)(const int32_t *params, void *const *tensors)
{
    add(params, tensors, 128, ek_add_uint8_twice);
}

/* ---- MUL ---- */

/* By one floor for outputs of either side of the zero point, as rescaling.h has it. */
typedef struct {
    Vector a_zero, b_zero; /* words, the first of twice the zero point */
    Vector multiplier, rounding;
    __m128i right;
    Bounds bounds;
} Product;

INLINE Vector rescaled(const Product *p, Vector twice)
{
    Vector even = V(mul_epi32)(twice, p->multiplier);
    Vector odd = V(mul_epi32)(V(srli_epi64)(twice, 32), p->multiplier);
    even = V(add_epi64)(even, p->rounding);
    odd = V(add_epi64)(odd, p->rounding);
    const Vector high = V(add_epi32)(high_halves(even, odd), V(srai_epi32)(twice, 31));
    return V(sra_epi32)(high, p->right);
}

INLINE Vector product(const Product *p, Vector a, Vector b)
{
    const Vector zero = WHOLE(setzero)();
    const Vector as[2] = {V(unpacklo_epi8)(zero, a), V(unpackhi_epi8)(zero, a)};
    const Vector bs[2] = {V(unpacklo_epi8)(zero, b), V(unpackhi_epi8)(zero, b)};
    Vector parts[PARTS];
    UNROLL
    for (int i = 0; i < 2; i++) {
        const Vector x = V(sub_epi16)(V(srai_epi16)(as[i], 7), p->a_zero);
        const Vector y = V(sub_epi16)(V(srai_epi16)(bs[i], 8), p->b_zero);
        const Vector low = V(mullo_epi16)(x, y), high = V(mulhi_epi16)(x, y);
        parts[2 * i] = rescaled(p, V(unpacklo_epi16)(low, high));
        parts[2 * i + 1] = rescaled(p, V(unpackhi_epi16)(low, high));
    }
    return packed(parts, &p->bounds);
}

EK_BINARY(product_row, Product, product)

SHARED void mul(const int32_t *params, void *const *tensors, int32_t flip, ek_kernel *portable)
{
    Product p;
    MulRescaled s;
    memcpy(&s, params, sizeof s);
    const int32_t right = -s.shift;
    if (s.multiplier < 0 || right < 1 || right > 22) {
        portable(params, tensors);
        return;
    }
    const int64_t one = (int64_t)1 << (32 + right);
    const int64_t rounding = ((int64_t)1 << 31) + one / 2 + (s.zero_point - flip) * one;
    p.a_zero = V(set1_epi16)((int16_t)(2 * (s.a_zero_point - flip)));
    p.b_zero = V(set1_epi16)((int16_t)(s.b_zero_point - flip));
    p.multiplier = V(set1_epi32)(s.multiplier);
    p.rounding = LONGS(rounding);
    p.right = _mm_cvtsi32_si128(right);
    p.bounds = bounds_of(s.lowest, s.highest, flip);
    ek_run_rows(product_row, &p, 1, tensors);
}

TARGET void KERNEL(mul_int8_twice)(const int32_t *params, void *const *tensors)
{
    mul(params, tensors, 0, ek_mul_int8_twice);
}

TARGET void KERNEL(mul_uint8_twice)(const int32_t *params, void *const *tensors)
{
    mul(params, tensors, 128, ek_mul_uint8_twice);
}
