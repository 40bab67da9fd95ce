/* Kernels of two broadcast tensors of int16 and float32 with AVX2, 8 elements at once; the same
 * bytes as those of broadcast.h. */
#include <immintrin.h>
#include <string.h>

#include "broadcast_rows.h"

#define TARGET __attribute__((target("avx2")))
#define INLINE TARGET __attribute__((always_inline)) static inline

enum { LANES = 8 };

/* Of the first "left" numbers, if those are fewer. */
INLINE __m256i load_int16_t(const int16_t *from, int32_t left)
{
    int16_t some[LANES] = {0};
    if (left < LANES)
        from = memcpy(some, from, (size_t)left * sizeof *from);
    return _mm256_cvtepi16_epi32(_mm_loadu_si128((const void *)from));
}

/* All bits of the first lanes. */
INLINE __m256i first_lanes(int32_t count)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE __m256i load_float(const float *from, int32_t left)
{
    return left < LANES ? _mm256_castps_si256(_mm256_maskload_ps(from, first_lanes(left)))
                        : _mm256_loadu_si256((const void *)from);
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

INLINE void store_int16_t(int16_t *to, __m256i values, int32_t left)
{
    const __m128i all = words(values);
    if (left < LANES)
        memcpy(to, &all, (size_t)left * sizeof *to);
    else
        _mm_storeu_si128((void *)to, all);
}

INLINE void store_float(float *to, __m256i values, int32_t left)
{
    if (left < LANES)
        _mm256_maskstore_ps(to, first_lanes(left), _mm256_castsi256_ps(values));
    else
        _mm256_storeu_si256((void *)to, values);
}

/* Defines the loop over a row by element(Prepared, a, b), of vectors of int32, or of floats as
 * __m256i. */
#define EK_ROW_AVX2(name, type, Prepared, element)                                                 \
    TARGET static void name(const void *prepared_, const EkRow *row)                               \
    {                                                                                              \
        const Prepared p = *(const Prepared *)prepared_;                                           \
        const type *a = row->a, *b = row->b;                                                       \
        type *output = row->output;                                                                \
        const int32_t count = row->count, a_moves = row->a_moves, b_moves = row->b_moves;          \
        const int32_t period = row->period;                                                        \
        const __m256i same_a = same_##type(*a), same_b = same_##type(*b);                          \
        for (int32_t i = 0, phase = 0; i < count; i += LANES) {                                    \
            const int32_t left = count - i;                                                        \
            const __m256i x = a_moves ? load_##type(a + i, left) : same_a;                         \
            const __m256i y = b_moves ? load_##type(b + phase, left) : same_b;                     \
            store_##type(output + i, element(&p, x, y), left);                                     \
            phase += LANES;                                                                        \
            phase -= phase < period ? 0 : period;                                                  \
        }                                                                                          \
    }

/* Defines a kernel by its element; prepare(params) is what that needs of the parameters. */
#define EK_ELEMENTWISE_AVX2(kernel, type, Prepared, prepare, element)                              \
    EK_ROW_AVX2(kernel##_row, type, Prepared, element)                                             \
    TARGET void kernel(const int32_t *params, void *const *tensors)                                \
    {                                                                                              \
        const Prepared p = prepare(params);                                                        \
        ek_run_rows(kernel##_row, &p, sizeof(type), tensors);                                      \
    }
