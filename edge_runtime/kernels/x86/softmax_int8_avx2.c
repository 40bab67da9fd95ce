/* SOFTMAX of int8 and uint8 with AVX2; the same bytes as the portable kernels.
 *
 * Short rows are calculated side by side, one in each lane; of long ones the elements are. Shares
 * are not negative, so that halves are rounded up where the portable kernel rounds them away from
 * 0, and Newton's steps come nowhere near to where they would saturate. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include <string.h>

#include "product_avx2.h"
#include "table.h"

enum { LANES = 8, SHORT = 64, WORD = 4 };

/* What rows' exponentials are multiplied by, and the shift to 8 fractional bits. */
typedef struct {
    __m256i reciprocal, half, right;
} Shares;

/* totals: sums of exponentials with 19 fractional bits, from 2^19 to 2^31. */
INLINE Shares shares_of(__m256i totals)
{
    /* The float of a number's highest bit and some zeros, whose exponent that bit is. */
    const __m256i highest = _mm256_andnot_si256(_mm256_srli_epi32(totals, 1), totals);
    const __m256i bits = _mm256_castps_si256(_mm256_cvtepi32_ps(highest));
    const __m256i exponent = _mm256_srli_epi32(_mm256_slli_epi32(bits, 1), 24);
    const __m256i zeros = _mm256_sub_epi32(_mm256_set1_epi32(127 + 31), exponent);
    /* ek_reciprocal of gemmlowp.h. */
    const __m256i half = _mm256_srli_epi32(_mm256_sllv_epi32(totals, zeros), 1);
    __m256i guess = _mm256_add_epi32(_mm256_set1_epi32(1515870810),
                                     product(half, _mm256_set1_epi32(-1010580540)));
    for (int i = 0; i < 3; i++) {
        const __m256i rest =
            _mm256_sub_epi32(_mm256_set1_epi32((int32_t)1 << 29), product(half, guess));
        guess = _mm256_add_epi32(guess, _mm256_slli_epi32(product(guess, rest), 2));
    }
    const __m256i one = _mm256_set1_epi32(1);
    const __m256i right = _mm256_sub_epi32(_mm256_set1_epi32(12 + 31 - 8), zeros);
    const Shares shares = {
        _mm256_min_epu32(_mm256_slli_epi32(guess, 1), _mm256_set1_epi32(INT32_MAX)),
        _mm256_sllv_epi32(one, _mm256_sub_epi32(right, one)), right};
    return shares;
}

/* From 0 to 255. */
INLINE __m256i scaled(Shares shares, __m256i powers)
{
    const __m256i rounded = _mm256_add_epi32(product(shares.reciprocal, powers), shares.half);
    return _mm256_min_epi32(_mm256_srlv_epi32(rounded, shares.right), _mm256_set1_epi32(255));
}

/* An exponential with 19 fractional bits. */
INLINE __m256i part_of(__m256i power)
{
    return _mm256_srli_epi32(_mm256_add_epi32(power, _mm256_set1_epi32(1 << 11)), 12);
}

/* Up to 8 rows of up to SHORT numbers. Behind all but the last there are other rows, so that words
 * may be read that begin in these. */
TARGET static void short_rows(const uint8_t *input, int32_t rows, int32_t depth, int last,
                              const int32_t *table, int32_t flip, uint8_t *output)
{
    uint8_t bytes[LANES * SHORT + WORD];
    __m256i powers[SHORT], largest = _mm256_setzero_si256(), totals = largest;
    const __m256i starts = _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
                                              _mm256_set1_epi32(depth));
    if (last) {
        memset(bytes, 0, sizeof bytes);
        input = memcpy(bytes, input, (size_t)(rows * depth));
    }
    for (int32_t k = 0; k < depth; k++) {
        const void *const from = input + k;
        const __m256i words = _mm256_i32gather_epi32((const int *)from, starts, 1);
        powers[k] = _mm256_and_si256(_mm256_xor_si256(words, _mm256_set1_epi32(flip)),
                                     _mm256_set1_epi32(255));
        largest = _mm256_max_epi32(largest, powers[k]);
    }
    for (int32_t k = 0; k < depth; k++) {
        powers[k] = _mm256_i32gather_epi32(table, _mm256_sub_epi32(largest, powers[k]), 4);
        totals = _mm256_add_epi32(totals, part_of(powers[k]));
    }
    const Shares shares = shares_of(totals);
    /* What is written behind a row is written over: by the next row, or by the words before. */
    for (int32_t k = (depth - 1) / WORD * WORD; k >= 0; k -= WORD) {
        uint32_t words[LANES];
        __m256i word = _mm256_set1_epi8((char)flip);
        for (int32_t i = 0; i < WORD && k + i < depth; i++)
            word = _mm256_xor_si256(
                word, _mm256_sllv_epi32(scaled(shares, powers[k + i]), _mm256_set1_epi32(8 * i)));
        _mm256_storeu_si256((void *)words, word);
        for (int32_t row = 0; row < rows; row++)
            memcpy(bytes + row * depth + k, &words[row], WORD);
    }
    memcpy(output, bytes, (size_t)(rows * depth));
}

/* Up to 8 numbers, and 0. */
INLINE __m256i numbers_at(const uint8_t *input, int32_t left, int32_t flip)
{
    __m128i bytes = _mm_set1_epi8((char)flip);
    if (left >= LANES)
        bytes = _mm_loadl_epi64((const void *)input);
    else
        memcpy(&bytes, input, (size_t)left);
    return _mm256_cvtepu8_epi32(_mm_xor_si128(bytes, _mm_set1_epi8((char)flip)));
}

TARGET static void long_row(const uint8_t *input, int32_t depth, const int32_t *table, int32_t flip,
                            uint8_t *output)
{
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i first_bytes = _mm256_set1_epi32(0x0c080400);
    __m256i largest = _mm256_setzero_si256(), totals = largest;
    for (int32_t i = 0; i < depth; i += LANES)
        largest = _mm256_max_epi32(largest, numbers_at(input + i, depth - i, flip));
    for (int32_t apart = LANES / 2; apart; apart /= 2) {
        const __m256i places = _mm256_xor_si256(lanes, _mm256_set1_epi32(apart));
        largest = _mm256_max_epi32(largest, _mm256_permutevar8x32_epi32(largest, places));
    }
    for (int32_t i = 0; i < depth; i += LANES) {
        const __m256i below = _mm256_sub_epi32(largest, numbers_at(input + i, depth - i, flip));
        const __m256i there = _mm256_cmpgt_epi32(_mm256_set1_epi32(depth - i), lanes);
        const __m256i none = _mm256_setzero_si256();
        totals = _mm256_add_epi32(
            totals, part_of(_mm256_mask_i32gather_epi32(none, table, below, there, 4)));
    }
    uint32_t sums[LANES], total = 0;
    _mm256_storeu_si256((void *)sums, totals);
    for (int32_t lane = 0; lane < LANES; lane++)
        total += sums[lane];
    const Shares shares = shares_of(_mm256_set1_epi32((int32_t)total));
    for (int32_t i = 0; i < depth; i += LANES) {
        const __m256i below = _mm256_sub_epi32(largest, numbers_at(input + i, depth - i, flip));
        const __m256i outputs = _mm256_shuffle_epi8(
            scaled(shares, _mm256_i32gather_epi32(table, below, 4)), first_bytes);
        __m128i bytes = _mm_unpacklo_epi32(_mm256_castsi256_si128(outputs),
                                           _mm256_extracti128_si256(outputs, 1));
        bytes = _mm_xor_si128(bytes, _mm_set1_epi8((char)flip));
        memcpy(output + i, &bytes, (size_t)(depth - i < LANES ? depth - i : LANES));
    }
}

/* flip: of an int8 number's highest bit, so that all are from 0 to 255. What fills no vectors is
 * left to the portable kernel. */
static void softmax(const int32_t *params, void *const *tensors, int32_t flip, ek_kernel *portable)
{
    const int32_t rows = params[0], depth = params[1], together = depth <= SHORT ? LANES : 1;
    const int32_t *table = (const int32_t *)tensors[1];
    const uint8_t *input = (const uint8_t *)tensors[0];
    uint8_t *output = (uint8_t *)tensors[2];
    if (rows == 1 && depth <= SHORT) {
        portable(params, tensors);
        return;
    }
    for (int32_t row = 0; row < rows; row += together) {
        const int32_t left = rows - row;
        if (depth > SHORT)
            long_row(input, depth, table, flip, output);
        else
            short_rows(input, left < LANES ? left : LANES, depth, left < 2 * LANES, table, flip,
                       output);
        input += together * depth;
        output += together * depth;
    }
}

/* tensors: input int8 [rows][depth], table int32 [256], output int8 [rows][depth]. */
void ek_softmax_int8_twice_avx2(const int32_t *params, void *const *tensors)
{
    softmax(params, tensors, 128, ek_softmax_int8_twice);
}

/* tensors: input uint8 [rows][depth], table int32 [256], output uint8 [rows][depth]. */
void ek_softmax_uint8_twice_avx2(const int32_t *params, void *const *tensors)
{
    softmax(params, tensors, 0, ek_softmax_uint8_twice);
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
