/* Kernels of two broadcast tensors with AVX2, 8 elements at once; the same bytes as those of
 * broadcast.h. */
#include <immintrin.h>
#include <string.h>

#include "broadcast.h"

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE TARGET __attribute__((always_inline)) static inline
#define SHARED TARGET __attribute__((noinline)) static

enum { LANES = 8 };
enum { PERIOD = 512 }; /* elements that are repeated along a tensor at once */

/* A multiplier and its shift, of which either left or right is 0, as vectors. */
typedef struct {
    __m256i multiplier, mask, half;
    __m128i left, right;
} Scaling;

/* Where the rows of the innermost loop start; advanced row by row. */
typedef struct {
    int32_t index[EK_LOOPS - 1];
    ptrdiff_t a, b;
} Rows;

TARGET static inline void next_row(Rows *rows, const int32_t *sizes, const int32_t *a_strides,
                                   const int32_t *b_strides)
{
    for (int32_t loop = EK_LOOPS - 2; loop >= 0; loop--) {
        const int32_t size = sizes[loop];
        if (++rows->index[loop] < size) {
            rows->a += a_strides[loop];
            rows->b += b_strides[loop];
            return;
        }
        rows->index[loop] = 0;
        rows->a -= (ptrdiff_t)a_strides[loop] * (size - 1);
        rows->b -= (ptrdiff_t)b_strides[loop] * (size - 1);
    }
}

/* Whether b is one row that all rows of a repeat, one after another, and fits the period. */
TARGET static inline int repeats(const int32_t *sizes, const int32_t *a_strides,
                                 const int32_t *b_strides)
{
    const int32_t count = sizes[EK_LOOPS - 1];
    ptrdiff_t step = count;
    if (!a_strides[EK_LOOPS - 1] || !b_strides[EK_LOOPS - 1] || count > PERIOD)
        return 0;
    for (int32_t loop = EK_LOOPS - 2; loop >= 0; step *= sizes[loop], loop--)
        if (sizes[loop] > 1 && (a_strides[loop] != step || b_strides[loop]))
            return 0;
    return step > count;
}

INLINE Scaling scaling_of(int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
    const int32_t mask = (int32_t)(((int64_t)1 << right) - 1);
    Scaling s;
    s.multiplier = _mm256_set1_epi32(multiplier);
    s.mask = _mm256_set1_epi32(mask);
    s.half = _mm256_set1_epi32(mask >> 1);
    s.left = _mm_cvtsi32_si128(left);
    s.right = _mm_cvtsi32_si128(right);
    return s;
}

/* ek_rescale_twice. */
INLINE __m256i rescaled_twice(__m256i total, Scaling s)
{
    const __m256i half = _mm256_set1_epi64x((int64_t)1 << 30);
    total = _mm256_sll_epi32(total, s.left);
    __m256i even = _mm256_mul_epi32(total, s.multiplier);
    __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(total, 32), s.multiplier);
    even = _mm256_srli_epi64(_mm256_add_epi64(even, half), 31);
    odd = _mm256_slli_epi64(_mm256_add_epi64(odd, half), 1);
    const __m256i high = _mm256_blend_epi32(even, odd, 0xaa);
    const __m256i threshold = _mm256_sub_epi32(s.half, _mm256_srai_epi32(high, 31));
    const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(high, s.mask), threshold);
    return _mm256_sub_epi32(_mm256_sra_epi32(high, s.right), up);
}

/* ek_clamp. */
INLINE __m256i clamped(__m256i values, int32_t lowest, int32_t highest)
{
    values = _mm256_max_epi32(values, _mm256_set1_epi32(lowest));
    return _mm256_min_epi32(values, _mm256_set1_epi32(highest));
}

INLINE __m256i load_int8_t(const int8_t *from)
{
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)from));
}

INLINE __m256i load_uint8_t(const uint8_t *from)
{
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)from));
}

INLINE __m256i load_int16_t(const int16_t *from)
{
    return _mm256_cvtepi16_epi32(_mm_loadu_si128((const void *)from));
}

INLINE __m256i load_float(const float *from)
{
    return _mm256_loadu_si256((const void *)from);
}

INLINE __m256i same_int8_t(int8_t number)
{
    return _mm256_set1_epi32(number);
}

INLINE __m256i same_uint8_t(uint8_t number)
{
    return _mm256_set1_epi32(number);
}

INLINE __m256i same_int16_t(int16_t number)
{
    return _mm256_set1_epi32(number);
}

INLINE __m256i same_float(float number)
{
    return _mm256_castps_si256(_mm256_set1_ps(number));
}

INLINE __m128i words(__m256i values)
{
    return _mm_packs_epi32(_mm256_castsi256_si128(values), _mm256_extracti128_si256(values, 1));
}

INLINE void store_int8_t(int8_t *to, __m256i values)
{
    const __m128i w = words(values);
    _mm_storel_epi64((void *)to, _mm_packs_epi16(w, w));
}

INLINE void store_uint8_t(uint8_t *to, __m256i values)
{
    const __m128i w = words(values);
    _mm_storel_epi64((void *)to, _mm_packus_epi16(w, w));
}

INLINE void store_int16_t(int16_t *to, __m256i values)
{
    _mm_storeu_si128((void *)to, words(values));
}

INLINE void store_float(float *to, __m256i values)
{
    _mm256_storeu_si256((void *)to, values);
}

/* Defines a kernel by element(Prepared, a, b), of vectors of int32, or of floats as __m256i;
 * prepare(params) is what it needs of the parameters. The rest of a row, less than 8 elements, goes
 * through copies; a row that is repeated is laid out so that there is one rest in all. */
#define EK_ELEMENTWISE_AVX2(kernel, type, Prepared, prepare, element)                              \
    TARGET void kernel(const int32_t *params, void *const *tensors)                                \
    {                                                                                              \
        const int32_t *sizes = (const int32_t *)tensors[2], *a_strides = sizes + EK_LOOPS;         \
        const int32_t *b_strides = a_strides + EK_LOOPS;                                           \
        const int32_t a_moves = a_strides[EK_LOOPS - 1], b_moves = b_strides[EK_LOOPS - 1];        \
        const Prepared p = prepare(params);                                                        \
        const type *first = (const type *)tensors[0], *second = (const type *)tensors[1];          \
        type *output = (type *)tensors[3], repeated[PERIOD + LANES - 1];                           \
        int32_t count = sizes[EK_LOOPS - 1], rows = ek_rows(sizes), period = INT32_MAX;            \
        Rows at = {{0}, 0, 0};                                                                     \
        if (repeats(sizes, a_strides, b_strides)) {                                                \
            for (int32_t i = 0; i < count + LANES - 1; i++)                                        \
                repeated[i] = i < count ? second[i] : repeated[i - count];                         \
            second = repeated;                                                                     \
            period = count;                                                                        \
            count *= rows;                                                                         \
            rows = 1;                                                                              \
        }                                                                                          \
        for (int32_t row = 0; row < rows; row++, output += count) {                                \
            const type *a = first + at.a, *b = second + at.b;                                      \
            const __m256i same_a = same_##type(*a), same_b = same_##type(*b);                      \
            for (int32_t i = 0, phase = 0; i < count; i += LANES) {                                \
                const type *x_at = a + (a_moves ? i : 0), *y_at = b + (b_moves ? phase : 0);       \
                type *to = output + i, some[LANES] = {0}, others[LANES] = {0}, result[LANES];      \
                const int32_t left = count - i;                                                    \
                if (left < LANES) {                                                                \
                    x_at = memcpy(some, x_at, a_moves ? (size_t)left * sizeof(type) : 0);          \
                    y_at = memcpy(others, y_at, b_moves ? (size_t)left * sizeof(type) : 0);        \
                    to = result;                                                                   \
                }                                                                                  \
                const __m256i x = a_moves ? load_##type(x_at) : same_a;                            \
                const __m256i y = b_moves ? load_##type(y_at) : same_b;                            \
                store_##type(to, element(&p, x, y));                                               \
                if (left < LANES)                                                                  \
                    memcpy(output + i, result, (size_t)left * sizeof(type));                       \
                for (phase += LANES; phase >= period; phase -= period)                             \
                    ;                                                                              \
            }                                                                                      \
            next_row(&at, sizes, a_strides, b_strides);                                            \
        }                                                                                          \
    }
