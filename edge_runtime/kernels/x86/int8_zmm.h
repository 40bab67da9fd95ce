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
typedef __m512 Floats;
#define V(name) _mm512_##name

/* What outputs are clamped to; "moved" is for sums that are not rescaled by one floor,
 * the floats for float factors. */
typedef struct {
    __m512i lowest, highest, moved;
    __m512 low, high;
    __m512 before, behind; /* of int8_hybrid.h */
} Bounds;

INLINE Bounds bounds_of(int32_t lowest, int32_t highest, int32_t zero_point)
{
    const Bounds bounds = {_mm512_set1_epi8((char)lowest), _mm512_set1_epi8((char)highest),
                           _mm512_set1_epi32(zero_point),
                           _mm512_set1_ps((float)(lowest - zero_point)),
                           _mm512_set1_ps((float)(highest - zero_point)),
                           _mm512_set1_ps(1), _mm512_set1_ps(1)};
    return bounds;
}

INLINE __m512i load(const void *bytes)
{
    return _mm512_loadu_si512(bytes);
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

INLINE Vector longs(int64_t number)
{
    return _mm512_set1_epi64(number);
}

/* As many as there are of a vector. */
INLINE void store_floats(float *to, Floats values, int32_t count)
{
    const __mmask16 there = (__mmask16)(count < LANES ? 0xffff >> (LANES - count) : 0xffff);
    _mm512_mask_storeu_ps(to, there, values);
}

/* The high halves of numbers of 64 bits, in turns. */
INLINE Vector high_halves(Vector even, Vector odd)
{
    return _mm512_mask_shuffle_epi32(odd, 0x5555, even, 0xf5);
}

/* And the low ones. */
INLINE Vector low_halves(Vector even, Vector odd)
{
    return _mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32));
}

/* value >> right of signed 64-bit numbers. */
INLINE Vector shifted(Vector value, Vector right)
{
    return _mm512_srav_epi64(value, right);
}

/* Numbers, one more where the value is above the threshold. */
INLINE Vector one_more(Vector numbers, Vector value, Vector threshold)
{
    const __mmask16 above = _mm512_cmpgt_epi32_mask(value, threshold);
    return _mm512_mask_add_epi32(numbers, above, numbers, _mm512_set1_epi32(1));
}

#include "int8_modes.h"

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
