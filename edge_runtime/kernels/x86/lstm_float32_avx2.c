/* UNIDIRECTIONAL_SEQUENCE_LSTM of float32 with AVX2; the same bytes as the portable kernel. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>

#include "table.h"

#define TARGET __attribute__((target("avx2")))
#define INLINE TARGET __attribute__((always_inline)) static inline
#define UNROLL _Pragma("GCC unroll 4")

enum { LANES = 8, ROWS = 4 };

/* The 16 partial sums of a dot product, see dense_float32.h. */
typedef struct {
    __m256 low, high;
} Sums;

/* Those of four dot products, each added up in the order of dense_float32.h. */
INLINE __m128 folded(const Sums *sums)
{
    __m256 eights[ROWS], fours[2];
    UNROLL
    for (int i = 0; i < ROWS; i++)
        eights[i] = _mm256_add_ps(sums[i].low, sums[i].high);
    UNROLL
    for (int i = 0; i < 2; i++)
        fours[i] = _mm256_add_ps(_mm256_permute2f128_ps(eights[2 * i], eights[2 * i + 1], 0x20),
                                 _mm256_permute2f128_ps(eights[2 * i], eights[2 * i + 1], 0x31));
    const __m256d first = _mm256_castps_pd(fours[0]), second = _mm256_castps_pd(fours[1]);
    const __m256 twos = _mm256_add_ps(_mm256_castpd_ps(_mm256_unpacklo_pd(first, second)),
                                      _mm256_castpd_ps(_mm256_unpackhi_pd(first, second)));
    const __m256 ones = _mm256_add_ps(twos, _mm256_movehdup_ps(twos)); /* 0, -, 2, -, 1, -, 3, - */
    const __m128 even = _mm256_castps256_ps128(ones), odd = _mm256_extractf128_ps(ones, 1);
    const __m128 mixed = _mm_shuffle_ps(even, odd, _MM_SHUFFLE(2, 0, 2, 0));
    return _mm_permute_ps(mixed, _MM_SHUFFLE(3, 1, 2, 0));
}

INLINE Sums grown(Sums sums, Sums x, Sums w)
{
    const Sums result = {_mm256_add_ps(sums.low, _mm256_mul_ps(x.low, w.low)),
                         _mm256_add_ps(sums.high, _mm256_mul_ps(x.high, w.high))};
    return result;
}

INLINE Sums loaded(const float *from)
{
    const Sums result = {_mm256_loadu_ps(from), _mm256_loadu_ps(from + LANES)};
    return result;
}

/* The first numbers, less than 16, and zeros. */
INLINE Sums loaded_part(const float *from, int32_t count)
{
    const __m256i places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i low = _mm256_cmpgt_epi32(_mm256_set1_epi32(count), places);
    const __m256i high = _mm256_cmpgt_epi32(_mm256_set1_epi32(count - LANES), places);
    const Sums result = {_mm256_maskload_ps(from, low), _mm256_maskload_ps(from + LANES, high)};
    return result;
}

/* ek_add_product. Zeros after the end of a row change no sum, because none is -0.0; a missing row
 * is the last one again. */
TARGET static void add_product(const float *matrix, const float *vector, int32_t rows,
                               int32_t depth, float *results)
{
    const int32_t whole = depth / (2 * LANES) * (2 * LANES), left = depth - whole;
    const Sums rest = loaded_part(vector + whole, left);
    for (int32_t row = 0; row < rows; row += ROWS) {
        Sums sums[ROWS];
        const float *weights[ROWS];
        UNROLL
        for (int32_t i = 0; i < ROWS; i++) {
            weights[i] = matrix + (ptrdiff_t)(row + i < rows ? row + i : rows - 1) * depth;
            sums[i].low = sums[i].high = _mm256_setzero_ps();
        }
        for (int32_t k = 0; k < whole; k += 2 * LANES) {
            const Sums x = loaded(vector + k);
            UNROLL
            for (int32_t i = 0; i < ROWS; i++)
                sums[i] = grown(sums[i], x, loaded(weights[i] + k));
        }
        UNROLL
        for (int32_t i = 0; i < ROWS; i++)
            sums[i] = grown(sums[i], rest, loaded_part(weights[i] + whole, left));
        float products[ROWS];
        _mm_storeu_ps(products, folded(sums));
        for (int32_t i = 0; i < ROWS && row + i < rows; i++)
            results[row + i] = products[i] + results[row + i];
    }
}

static void tanhs(int32_t count, const float *input, float *output)
{
    void *const tensors[] = {(void *)(uintptr_t)input, output};
    ek_tanh_float32_avx2(&count, tensors);
}

static void logistics(int32_t count, const float *input, float *output)
{
    const int32_t minus_infinity = (int32_t)0xff800000, params[] = {count, minus_infinity};
    void *const tensors[] = {(void *)(uintptr_t)input, output};
    ek_logistic_float32_avx2(params, tensors);
}

void ek_lstm_float32_avx2(const int32_t *params, void *const *tensors)
{
    ek_run_lstm(params, tensors, 0, add_product, tanhs, logistics);
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
