/* CONV_2D of int8 with AVX-512 and its VNNI. */
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>
#include <string.h>

#include "conv_2d.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))
#define INLINE TARGET __attribute__((always_inline)) static inline
#define KERNEL(name) ek_##name##_avx512

enum { WIDTH = 16, COLUMN_BYTES = 4 * WIDTH }; /* of a packed block */
enum { LANES = 16, MANY = 12, FEW = 4, QUAD_BYTES = 64, ADDED = 128, CHUNK = 64 };

typedef __m512i Vector, Quad;

INLINE __m512i load(const void *bytes)
{
    return _mm512_loadu_si512(bytes);
}

INLINE Quad quad_at(const uint8_t *window)
{
    int32_t four;
    memcpy(&four, window, sizeof four);
    return _mm512_set1_epi32(four);
}

/* Written out, because GCC 12 copies each sum to another register and back around the intrinsic. */
INLINE Vector dot(Vector sum, Quad quad, const char *weights)
{
    const Vector all = load(weights);
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(quad), "v"(all));
    return sum;
}

/* Bytes as uint8, 128 added. */
INLINE void copy(uint8_t *to, const int8_t *from, int32_t count)
{
    const __m512i flip = _mm512_set1_epi8(-128);
    for (; count > CHUNK; count -= CHUNK, to += CHUNK, from += CHUNK)
        _mm512_storeu_si512(to, _mm512_xor_si512(load(from), flip));
    const __mmask64 there = ~(__mmask64)0 >> (CHUNK - count);
    const __m512i last = _mm512_maskz_loadu_epi8(there, from);
    _mm512_mask_storeu_epi8(to, there, _mm512_xor_si512(last, flip));
}

/* ek_rescale_twice. */
INLINE __m512i rescaled_twice(__m512i total, const char *head)
{
    const __m512i half = _mm512_set1_epi64((int64_t)1 << 30);
    const __m512i one = _mm512_set1_epi32(1);
    const __m512i multiplier = load(head + COLUMN_BYTES);
    const __m512i right = load(head + 3 * COLUMN_BYTES);
    const __m512i moved = _mm512_sllv_epi32(total, load(head + 2 * COLUMN_BYTES));
    __m512i even = _mm512_mul_epi32(moved, multiplier);
    __m512i odd =
        _mm512_mul_epi32(_mm512_srli_epi64(moved, 32), _mm512_srli_epi64(multiplier, 32));
    even = _mm512_srli_epi64(_mm512_add_epi64(even, half), 31);
    odd = _mm512_slli_epi64(_mm512_add_epi64(odd, half), 1);
    const __m512i high = _mm512_mask_blend_epi32(0xaaaa, even, odd);
    const __m512i mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, right), one);
    const __m512i threshold =
        _mm512_add_epi32(_mm512_srli_epi32(mask, 1), _mm512_srli_epi32(high, 31));
    const __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(high, mask), threshold);
    const __m512i floor = _mm512_srav_epi32(high, right);
    return _mm512_mask_add_epi32(floor, up, floor, one);
}

INLINE void store(int8_t *output, int32_t lanes, __m512i numbers)
{
    const __mmask16 there = (__mmask16)(0xffffu >> (LANES - lanes));
    _mm512_mask_cvtepi32_storeu_epi8(output, there, numbers);
}

INLINE void finish_twice(const Conv2D *p, Vector sums, const char *head, int32_t lanes,
                         int8_t *output)
{
    const __m512i moved = _mm512_add_epi32(rescaled_twice(sums, head),
                                           _mm512_set1_epi32(p->output_zero_point));
    const __m512i above = _mm512_max_epi32(moved, _mm512_set1_epi32(p->lowest));
    store(output, lanes, _mm512_min_epi32(above, _mm512_set1_epi32(p->highest)));
}

INLINE void finish_float(const Conv2D *p, Vector sums, const char *head, int32_t lanes,
                         int8_t *output)
{
    const int32_t zero_point = p->output_zero_point;
    const __m512 low = _mm512_set1_ps((float)(p->lowest - zero_point));
    const __m512 high = _mm512_set1_ps((float)(p->highest - zero_point));
    const __m512 scale = _mm512_castsi512_ps(load(head + COLUMN_BYTES));
    const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), scale);
    const __m512 bounded = _mm512_min_ps(high, _mm512_max_ps(low, scaled));
    store(output, lanes,
          _mm512_add_epi32(_mm512_cvtps_epi32(bounded), _mm512_set1_epi32(zero_point)));
}

#include "conv_2d_int8.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
