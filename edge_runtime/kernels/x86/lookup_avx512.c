/* Functions of 8 bits as tables, with AVX-512; the same bytes as the portable kernel. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw")))
#define INLINE TARGET __attribute__((always_inline)) static inline

enum { BYTES = 64 }; /* of a vector */

/* Pairs of entries by words whose low 6 bits are the number of a pair; "high" has those of the
 * upper half of the table. */
INLINE __m512i pairs(const __m512i *table, __m512i numbers, __mmask32 high)
{
    const __m512i low = _mm512_permutex2var_epi16(table[0], numbers, table[1]);
    return _mm512_mask_blend_epi16(high, low,
                                   _mm512_permutex2var_epi16(table[2], numbers, table[3]));
}

/* tensors: input int8 or uint8 [count], table of the output's type [256], output [count]. The table
 * is looked up by words, whose bytes are entries of an even and of an odd number. */
TARGET void ek_lookup_int8_avx512(const int32_t *params, void *const *tensors)
{
    const char *input = tensors[0], *entries = tensors[1];
    char *output = tensors[2];
    const __mmask64 odd_bytes = 0xaaaaaaaaaaaaaaaa;
    __m512i table[4];
    for (int i = 0; i < 4; i++) /* in the order of uint8: the numbers from 0 on come first */
        table[i] = _mm512_loadu_si512(entries + BYTES * (i ^ 2));
    for (int32_t left = params[0]; left > 0; left -= BYTES, input += BYTES, output += BYTES) {
        const __mmask64 there = ~(__mmask64)0 >> (left < BYTES ? BYTES - left : 0);
        const __m512i x = _mm512_maskz_loadu_epi8(there, input);
        const __mmask64 odd = _mm512_test_epi8_mask(x, _mm512_set1_epi8(1));
        const __m512i even = pairs(table, _mm512_srli_epi16(x, 1),
                                   _mm512_test_epi16_mask(x, _mm512_set1_epi16(0x80)));
        const __m512i next = pairs(table, _mm512_srli_epi16(x, 9), _mm512_movepi16_mask(x));
        /* What both bytes of a word are if their numbers are even, and if they are odd. */
        const __m512i firsts = _mm512_mask_blend_epi8(odd_bytes, even, _mm512_slli_epi16(next, 8));
        const __m512i seconds = _mm512_mask_blend_epi8(odd_bytes, _mm512_srli_epi16(even, 8), next);
        _mm512_mask_storeu_epi8(output, there, _mm512_mask_blend_epi8(odd, firsts, seconds));
    }
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
