/* QUANTIZE to 8 bits, and functions of 8 bits as tables, with AVX2; the same bytes as the portable
 * kernels. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>
#include <string.h>

#include "float_bits.h"

#define TARGET __attribute__((target("avx2")))
#define INLINE TARGET __attribute__((always_inline)) static inline

enum { FLOATS = 8, BYTES = 32, PARTS = 16 };

/* Parameters of QUANTIZE: quantize.c. */
typedef struct {
    int32_t count, scale, zero_point, lowest, highest;
} Quantize;

/* The last bytes of 8 numbers, which are from -128 to 255. */
INLINE __m128i quantized(const Quantize *p, __m256 numbers)
{
    const __m256 low = _mm256_set1_ps((float)(p->lowest - p->zero_point));
    const __m256 high = _mm256_set1_ps((float)(p->highest - p->zero_point));
    numbers = _mm256_div_ps(numbers, _mm256_set1_ps(ek_float(&p->scale)));
    numbers = _mm256_min_ps(_mm256_max_ps(numbers, low), high); /* of NaN and a bound, that */
    const __m256i whole = _mm256_cvttps_epi32(numbers);
    const __m256 rest = _mm256_sub_ps(numbers, _mm256_cvtepi32_ps(whole));
    const __m256 up = _mm256_cmp_ps(rest, _mm256_set1_ps(0.5f), _CMP_GE_OQ);
    const __m256 down = _mm256_cmp_ps(rest, _mm256_set1_ps(-0.5f), _CMP_LE_OQ);
    __m256i value = _mm256_sub_epi32(whole, _mm256_castps_si256(up));
    value = _mm256_add_epi32(value, _mm256_castps_si256(down));
    value = _mm256_add_epi32(value, _mm256_set1_epi32(p->zero_point));
    value = _mm256_and_si256(value, _mm256_set1_epi32(255));
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(value), _mm256_extracti128_si256(value, 1));
    return _mm_packus_epi16(words, words);
}

/* tensors: input float [count], output int8 or uint8 [count]. */
TARGET void ek_quantize_int8_avx2(const int32_t *params, void *const *tensors)
{
    const float *input = tensors[0];
    char *output = tensors[1];
    const Quantize p = *(const Quantize *)params;
    for (int32_t i = 0; i < p.count; i += FLOATS) {
        const int32_t left = p.count - i < FLOATS ? p.count - i : FLOATS;
        __m256 numbers = _mm256_setzero_ps();
        if (left == FLOATS)
            numbers = _mm256_loadu_ps(input + i);
        else
            memcpy(&numbers, input + i, (size_t)left * sizeof *input);
        const __m128i bytes = quantized(&p, numbers);
        if (left == FLOATS)
            _mm_storel_epi64((void *)(output + i), bytes);
        else
            memcpy(output + i, &bytes, (size_t)left);
    }
}

/* tensors: input int8 or uint8 [count], table of the output's type [256], output [count]. A shuffle
 * looks up in a 16th of the table, and gives 0 for numbers of the other parts: these get a high bit,
 * all but their own low bits are 0 otherwise. */
TARGET void ek_lookup_int8_avx2(const int32_t *params, void *const *tensors)
{
    const char *input = tensors[0], *table = tensors[1];
    char *output = tensors[2];
    const int32_t count = params[0];
    int32_t i = 0;
    for (; i + BYTES <= count; i += BYTES) {
        const __m256i limit = _mm256_set1_epi8(0x70);
        __m256i numbers = _mm256_loadu_si256((const void *)(input + i));
        __m256i values = _mm256_setzero_si256();
        numbers = _mm256_xor_si256(numbers, _mm256_set1_epi8((char)0x80)); /* the table's order */
        for (int part = 0; part < PARTS; part++) {
            const __m128i entries = _mm_loadu_si128((const void *)(table + PARTS * part));
            const __m256i places = _mm256_adds_epu8(numbers, limit);
            values = _mm256_or_si256(
                values, _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(entries), places));
            numbers = _mm256_sub_epi8(numbers, _mm256_set1_epi8(PARTS));
        }
        _mm256_storeu_si256((void *)(output + i), values);
    }
    for (; i < count; i++)
        output[i] = table[(int8_t)input[i] + 128];
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
