/* Vectors of 16 sums of int8 layers, with AVX-512 and its VNNI. The file that includes this
 * defines ADDED, what is added to the numbers of a band: 128, because VPDPBUSD multiplies uint8
 * with int8, or 0. */
#include <immintrin.h>
#include <string.h>

#include "rescaling.h"

#define UNROLL _Pragma("GCC unroll 32")

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))
#define INLINE TARGET __attribute__((always_inline)) static inline

enum { LANES = 16, ELEMENT = 1 };

typedef __m512i Vector, Chunk;

/* What outputs are clamped to; "moved" is for sums that are not rescaled by one floor,
 * the floats for float factors. */
typedef struct {
    __m512i lowest, highest, moved;
    __m512 low, high;
} Bounds;

INLINE Bounds bounds_of(int32_t lowest, int32_t highest, int32_t zero_point)
{
    const Bounds bounds = {_mm512_set1_epi8((char)lowest), _mm512_set1_epi8((char)highest),
                           _mm512_set1_epi32(zero_point),
                           _mm512_set1_ps((float)(lowest - zero_point)),
                           _mm512_set1_ps((float)(highest - zero_point))};
    return bounds;
}

INLINE __m512i load(const void *bytes)
{
    return _mm512_loadu_si512(bytes);
}

INLINE __m512i zero(void)
{
    return _mm512_setzero_si512();
}

INLINE __m512i sum_of(__m512i a, __m512i b)
{
    return _mm512_add_epi32(a, b);
}

INLINE Chunk chunk_at(const uint8_t *bytes)
{
    int32_t four;
    memcpy(&four, bytes, sizeof four);
    return _mm512_set1_epi32(four);
}

/* Written out, because GCC 12 copies each sum to another register and back around the intrinsic. */
INLINE Vector dot(Vector sum, Chunk chunk, const char *weights)
{
    const Vector all = load(weights);
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(chunk), "v"(all));
    return sum;
}

/* Bytes as uint8, ADDED added. */
INLINE void copy(uint8_t *to, const int8_t *from, ptrdiff_t count)
{
    const __m512i flip = _mm512_set1_epi8((char)ADDED);
    for (; count > 64; count -= 64, to += 64, from += 64)
        _mm512_storeu_si512(to, _mm512_xor_si512(load(from), flip));
    if (count > 0) {
        const __mmask64 there = ~(__mmask64)0 >> (64 - count);
        const __m512i last = _mm512_maskz_loadu_epi8(there, from);
        _mm512_mask_storeu_epi8(to, there, _mm512_xor_si512(last, flip));
    }
}

INLINE void fill(uint8_t *to, int32_t number, ptrdiff_t count)
{
    const __m512i all = _mm512_set1_epi8((char)(number + ADDED));
    for (; count > 64; count -= 64, to += 64)
        _mm512_storeu_si512(to, all);
    if (count > 0)
        _mm512_mask_storeu_epi8(to, ~(__mmask64)0 >> (64 - count), all);
}

/* The numbers of rescaling.h of a vector of outputs. */
typedef struct {
    __m512i multiplier, even, odd, right;
} Head;

INLINE Head head_at(const char *head)
{
    const Head numbers = {load(head + EK_MULTIPLIER * 4 * LANES),
                          load(head + EK_ROUNDING * 4 * LANES),
                          load(head + (EK_ROUNDING + 1) * 4 * LANES),
                          load(head + EK_SHIFT * 4 * LANES)};
    return numbers;
}

/* The high halves of products of 64 bits. */
INLINE __m512i high_halves(__m512i even, __m512i odd)
{
    return _mm512_mask_shuffle_epi32(odd, 0x5555, even, 0xf5);
}

INLINE __m512i numerators(__m512i sum, const Head *h)
{
    const __m512i even = _mm512_mul_epi32(sum, h->multiplier);
    const __m512i odd =
        _mm512_mul_epi32(_mm512_srli_epi64(sum, 32), _mm512_srli_epi64(h->multiplier, 32));
    return high_halves(_mm512_add_epi64(even, h->even), _mm512_add_epi64(odd, h->odd));
}

/* Modes of rescaling.h: sums to outputs that are not yet clamped. */
INLINE __m512i rescaled_above(__m512i sum, const Head *h, const Bounds *bounds)
{
    (void)bounds;
    return _mm512_srav_epi32(numerators(sum, h), h->right);
}

INLINE __m512i rescaled_either(__m512i sum, const Head *h, const Bounds *bounds)
{
    (void)bounds;
    const __m512i high = numerators(_mm512_add_epi32(sum, sum), h);
    return _mm512_srav_epi32(_mm512_add_epi32(high, _mm512_srai_epi32(sum, 31)), h->right);
}

/* ek_rescale_twice. */
INLINE __m512i rescaled_twice(__m512i sum, const Head *h, const Bounds *bounds)
{
    const __m512i half = _mm512_set1_epi64((int64_t)1 << 30), one = _mm512_set1_epi32(1);
    const __m512i right = h->right, moved = _mm512_sllv_epi32(sum, h->even);
    __m512i even = _mm512_mul_epi32(moved, h->multiplier);
    __m512i odd =
        _mm512_mul_epi32(_mm512_srli_epi64(moved, 32), _mm512_srli_epi64(h->multiplier, 32));
    even = _mm512_slli_epi64(_mm512_add_epi64(even, half), 1);
    odd = _mm512_slli_epi64(_mm512_add_epi64(odd, half), 1);
    const __m512i high = high_halves(even, odd);
    const __m512i mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, right), one);
    const __m512i threshold =
        _mm512_add_epi32(_mm512_srli_epi32(mask, 1), _mm512_srli_epi32(high, 31));
    const __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(high, mask), threshold);
    const __m512i floor = _mm512_srav_epi32(high, right);
    return _mm512_add_epi32(_mm512_mask_add_epi32(floor, up, floor, one), bounds->moved);
}

/* ek_rescale_once. */
INLINE __m512i rescaled_once(__m512i sum, const Head *h, const Bounds *bounds)
{
    const __m512i even = _mm512_mul_epi32(sum, h->multiplier);
    const __m512i odd =
        _mm512_mul_epi32(_mm512_srli_epi64(sum, 32), _mm512_srli_epi64(h->multiplier, 32));
    const __m512i right = _mm512_and_si512(h->right, _mm512_set1_epi64(0xffffffff));
    const __m512i low = _mm512_srav_epi64(_mm512_add_epi64(even, h->even), right);
    const __m512i high = _mm512_srav_epi64(_mm512_add_epi64(odd, h->odd),
                                           _mm512_srli_epi64(h->right, 32));
    const __m512i both = _mm512_mask_blend_epi32(0xaaaa, low, _mm512_slli_epi64(high, 32));
    return _mm512_add_epi32(both, bounds->moved);
}

INLINE __m512i rescaled_float(__m512i sum, const Head *h, const Bounds *bounds)
{
    const __m512 scale = _mm512_castsi512_ps(h->multiplier);
    const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale);
    const __m512 bounded = _mm512_min_ps(bounds->high, _mm512_max_ps(bounds->low, scaled));
    return _mm512_add_epi32(_mm512_cvtps_epi32(bounded), bounds->moved);
}

/* Clamped bytes of four vectors, in the order in which lanes of 128 bits are packed. */
INLINE __m512i packed(const __m512i *four, const Bounds *bounds)
{
    const __m512i bytes = _mm512_packs_epi16(_mm512_packs_epi32(four[0], four[1]),
                                             _mm512_packs_epi32(four[2], four[3]));
    return _mm512_min_epi8(_mm512_max_epi8(bytes, bounds->lowest), bounds->highest);
}

/* Stores the bytes of 4 / wide positions, "there" of each: of two vectors, in ek_lane()'s order. */
INLINE void store(const int32_t wide, __m512i bytes, int32_t count, int32_t there, int8_t *output,
                  ptrdiff_t pitch)
{
    if (wide == 2) {
        const __mmask32 mask = ~(__mmask32)0 >> (32 - there);
        bytes = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), bytes);
        _mm256_mask_storeu_epi8(output, mask, _mm512_castsi512_si256(bytes));
        if (count > 1)
            _mm256_mask_storeu_epi8(output + pitch, mask, _mm512_extracti64x4_epi64(bytes, 1));
        return;
    }
    bytes = _mm512_permutexvar_epi32(
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), bytes);
    if (wide == 4) {
        _mm512_storeu_si512(output, bytes);
        return;
    }
    const __mmask16 mask = (__mmask16)(0xffffu >> (16 - there));
    _mm_mask_storeu_epi8(output, mask, _mm512_castsi512_si128(bytes));
    if (count > 1)
        _mm_mask_storeu_epi8(output + pitch, mask, _mm512_extracti32x4_epi32(bytes, 1));
    if (count > 2)
        _mm_mask_storeu_epi8(output + 2 * pitch, mask, _mm512_extracti32x4_epi32(bytes, 2));
    if (count > 3)
        _mm_mask_storeu_epi8(output + 3 * pitch, mask, _mm512_extracti32x4_epi32(bytes, 3));
}

enum { STRIDE = 64 }; /* numbers that are interleaved at once */

/* Chunks of the taps of STRIDE numbers, those of rows from[0] to from[3]. */
INLINE void interleave(const uint8_t *const *from, ptrdiff_t at, uint8_t *to)
{
    const __m512i order =
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i rows[4];
    UNROLL
    for (int32_t i = 0; i < 4; i++)
        rows[i] = _mm512_permutexvar_epi32(order, load(from[i] + at));
    const __m512i low = _mm512_unpacklo_epi8(rows[0], rows[1]);
    const __m512i high = _mm512_unpackhi_epi8(rows[0], rows[1]);
    const __m512i low_2 = _mm512_unpacklo_epi8(rows[2], rows[3]);
    const __m512i high_2 = _mm512_unpackhi_epi8(rows[2], rows[3]);
    _mm512_storeu_si512(to, _mm512_unpacklo_epi16(low, low_2));
    _mm512_storeu_si512(to + 64, _mm512_unpackhi_epi16(low, low_2));
    _mm512_storeu_si512(to + 128, _mm512_unpacklo_epi16(high, high_2));
    _mm512_storeu_si512(to + 192, _mm512_unpackhi_epi16(high, high_2));
}
