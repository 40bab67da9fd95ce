/* FULLY_CONNECTED with AVX2, which has no product of uint8 and int8 that cannot saturate: elements
 * 0 and 2 of a quad, then 1 and 3, are multiplied as int16. */
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2")))
#define KERNEL ek_fully_connected_int8_once_avx2

enum { QUAD_BYTES = 128 }; /* [2][8 lanes] of elements 0 and 2, then [8 lanes] of 1 and 3 */

TARGET static inline __m256i dot_half(__m256i sum, __m256i four, const char *weights)
{
    const __m256i even = _mm256_and_si256(four, _mm256_set1_epi16(0xff));
    const __m256i odd = _mm256_srli_epi16(four, 8);
    const __m256i *pairs = (const __m256i *)(const void *)weights;
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(even, _mm256_loadu_si256(pairs)));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(odd, _mm256_loadu_si256(pairs + 1)));
}

#include "gemm_int8_ymm.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
