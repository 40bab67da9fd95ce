/* Vectors of 8 sums of int8 layers: what AVX2 and AVX-VNNI share. The file that includes this defines
 * TARGET, INLINE and ELEMENT. */
#include <immintrin.h>
#include <string.h>

#include "rescaling.h"

#define UNROLL _Pragma("GCC unroll 32")

enum { LANES = 8 };

typedef __m256i Vector, Chunk;

/* What outputs are clamped to; "moved" is for sums that are not rescaled by one floor, the floats for
 * float factors, the others for bytes that are flipped. */
typedef struct {
    __m256i lowest, highest, moved, less, flip;
    __m256 low, high;
} Bounds;

INLINE Bounds bounds_of(int32_t lowest, int32_t highest, int32_t zero_point)
{
    const Bounds bounds = {_mm256_set1_epi8((char)lowest), _mm256_set1_epi8((char)highest),
                           _mm256_set1_epi32(zero_point), _mm256_setzero_si256(),
                           _mm256_setzero_si256(),
                           _mm256_set1_ps((float)(lowest - zero_point)),
                           _mm256_set1_ps((float)(highest - zero_point))};
    return bounds;
}

INLINE __m256i load(const void *bytes)
{
    return _mm256_loadu_si256(bytes);
}

INLINE __m256i zero(void)
{
    return _mm256_setzero_si256();
}

INLINE __m256i sum_of(__m256i a, __m256i b)
{
    return _mm256_add_epi32(a, b);
}

INLINE Chunk chunk_at(const uint8_t *bytes)
{
    int32_t four;
    memcpy(&four, bytes, sizeof four);
    return _mm256_set1_epi32(four);
}

/* The numbers of rescaling.h of a vector of outputs. */
typedef struct {
    __m256i multiplier, even, odd, right;
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
INLINE __m256i high_halves(__m256i even, __m256i odd)
{
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
}

INLINE __m256i numerators(__m256i sum, const Head *h)
{
    const __m256i even = _mm256_mul_epi32(sum, h->multiplier);
    const __m256i odd =
        _mm256_mul_epi32(_mm256_srli_epi64(sum, 32), _mm256_srli_epi64(h->multiplier, 32));
    return high_halves(_mm256_add_epi64(even, h->even), _mm256_add_epi64(odd, h->odd));
}

/* Modes of rescaling.h: sums to outputs that are not yet clamped. */
INLINE __m256i rescaled_above(__m256i sum, const Head *h, const Bounds *bounds)
{
    (void)bounds;
    return _mm256_srav_epi32(numerators(sum, h), h->right);
}

INLINE __m256i rescaled_either(__m256i sum, const Head *h, const Bounds *bounds)
{
    (void)bounds;
    const __m256i high = numerators(_mm256_add_epi32(sum, sum), h);
    return _mm256_srav_epi32(_mm256_add_epi32(high, _mm256_srai_epi32(sum, 31)), h->right);
}

/* ek_rescale_twice. */
INLINE __m256i rescaled_twice(__m256i sum, const Head *h, const Bounds *bounds)
{
    const __m256i half = _mm256_set1_epi64x((int64_t)1 << 30), one = _mm256_set1_epi32(1);
    const __m256i right = h->right, moved = _mm256_sllv_epi32(sum, h->even);
    __m256i even = _mm256_mul_epi32(moved, h->multiplier);
    __m256i odd =
        _mm256_mul_epi32(_mm256_srli_epi64(moved, 32), _mm256_srli_epi64(h->multiplier, 32));
    even = _mm256_slli_epi64(_mm256_add_epi64(even, half), 1);
    odd = _mm256_slli_epi64(_mm256_add_epi64(odd, half), 1);
    const __m256i high = high_halves(even, odd);
    const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, right), one);
    const __m256i threshold =
        _mm256_add_epi32(_mm256_srli_epi32(mask, 1), _mm256_srli_epi32(high, 31));
    const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(high, mask), threshold); /* -1 */
    const __m256i rounded = _mm256_sub_epi32(_mm256_srav_epi32(high, right), up);
    return _mm256_add_epi32(rounded, bounds->moved);
}

/* value >> right of signed 64-bit numbers, which AVX2 has for unsigned ones only. */
INLINE __m256i shifted(__m256i value, __m256i right)
{
    const __m256i lowest = _mm256_set1_epi64x(INT64_MIN);
    return _mm256_sub_epi64(_mm256_srlv_epi64(_mm256_xor_si256(value, lowest), right),
                            _mm256_srlv_epi64(lowest, right));
}

/* ek_rescale_once. */
INLINE __m256i rescaled_once(__m256i sum, const Head *h, const Bounds *bounds)
{
    const __m256i even = _mm256_mul_epi32(sum, h->multiplier);
    const __m256i odd =
        _mm256_mul_epi32(_mm256_srli_epi64(sum, 32), _mm256_srli_epi64(h->multiplier, 32));
    const __m256i right = _mm256_and_si256(h->right, _mm256_set1_epi64x(0xffffffff));
    const __m256i low = shifted(_mm256_add_epi64(even, h->even), right);
    const __m256i high =
        shifted(_mm256_add_epi64(odd, h->odd), _mm256_srli_epi64(h->right, 32));
    const __m256i both = _mm256_blend_epi32(low, _mm256_slli_epi64(high, 32), 0xaa);
    return _mm256_add_epi32(both, bounds->moved);
}

INLINE __m256i rescaled_float(__m256i sum, const Head *h, const Bounds *bounds)
{
    const __m256 scale = _mm256_castsi256_ps(h->multiplier);
    const __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale);
    const __m256 bounded = _mm256_min_ps(bounds->high, _mm256_max_ps(bounds->low, scaled));
    return _mm256_add_epi32(_mm256_cvtps_epi32(bounded), bounds->moved);
}

/* Clamped bytes of four vectors, in the order in which lanes of 128 bits are packed. */
INLINE __m256i packed(const __m256i *four, const Bounds *bounds)
{
    __m256i low = _mm256_packs_epi32(four[0], four[1]);
    __m256i high = _mm256_packs_epi32(four[2], four[3]);
#ifdef FLIPS
    low = _mm256_subs_epi16(low, bounds->less);
    high = _mm256_subs_epi16(high, bounds->less);
#endif
    __m256i bytes = _mm256_packs_epi16(low, high);
    bytes = _mm256_min_epi8(_mm256_max_epi8(bytes, bounds->lowest), bounds->highest);
#ifdef FLIPS
    bytes = _mm256_xor_si256(bytes, bounds->flip);
#endif
    return bytes;
}

/* Stores the bytes of 4 / wide positions, "there" of each: of two vectors, in ek_lane()'s order. */
INLINE void store(const int32_t wide, __m256i bytes, int32_t count, int32_t there, int8_t *output,
                  ptrdiff_t pitch)
{
    int8_t all[32];
    if (wide == 2)
        bytes = _mm256_permute4x64_epi64(bytes, 0xd8);
    else
        bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    if (wide == 4) {
        _mm256_storeu_si256((void *)output, bytes);
        return;
    }
    _mm256_storeu_si256((void *)all, bytes);
    UNROLL
    for (int32_t i = 0; i < 4 / wide; i++)
        if (i >= count)
            ;
        else if (there == LANES * wide)
            memcpy(output + i * pitch, all + i * LANES * wide, (size_t)(LANES * wide));
        else
            memcpy(output + i * pitch, all + i * LANES * wide, (size_t)there);
}
