/* Vectors of 8 sums of int8 layers: what AVX2 and AVX-VNNI share. The file that includes this defines
 * TARGET, INLINE and ELEMENT. */
#include <immintrin.h>
#include <string.h>

#include "rescaling.h"

#define UNROLL _Pragma("GCC unroll 32")

enum { LANES = 8 };

typedef __m256i Vector, Chunk;
typedef __m256 Floats;
#define V(name) _mm256_##name

/* What outputs are clamped to; "moved" is for sums that are not rescaled by one floor, the floats for
 * float factors, the others for bytes that are flipped. */
typedef struct {
    __m256i lowest, highest, moved, less, flip;
    __m256 low, high;
    __m256 before, behind; /* of int8_hybrid.h */
} Bounds;

INLINE Bounds bounds_of(int32_t lowest, int32_t highest, int32_t zero_point)
{
    const Bounds bounds = {_mm256_set1_epi8((char)lowest), _mm256_set1_epi8((char)highest),
                           _mm256_set1_epi32(zero_point), _mm256_setzero_si256(),
                           _mm256_setzero_si256(),
                           _mm256_set1_ps((float)(lowest - zero_point)),
                           _mm256_set1_ps((float)(highest - zero_point)),
                           _mm256_set1_ps(1), _mm256_set1_ps(1)};
    return bounds;
}

INLINE __m256i load(const void *bytes)
{
    return _mm256_loadu_si256(bytes);
}

INLINE Vector longs(int64_t number)
{
    return _mm256_set1_epi64x(number);
}

/* As many as there are of a vector. */
INLINE void store_floats(float *to, Floats values, int32_t count)
{
    if (count >= LANES)
        _mm256_storeu_ps(to, values);
    else
        memcpy(to, &values, (size_t)count * sizeof *to);
}

/* The high halves of numbers of 64 bits, in turns. */
INLINE Vector high_halves(Vector even, Vector odd)
{
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
}

/* And the low ones. */
INLINE Vector low_halves(Vector even, Vector odd)
{
    return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
}

/* value >> right of signed 64-bit numbers, which AVX2 has for unsigned ones only. */
INLINE Vector shifted(Vector value, Vector right)
{
    const Vector lowest = longs(INT64_MIN);
    return _mm256_sub_epi64(_mm256_srlv_epi64(_mm256_xor_si256(value, lowest), right),
                            _mm256_srlv_epi64(lowest, right));
}

/* Numbers, one more where the value is above the threshold, that is -1 less. */
INLINE Vector one_more(Vector numbers, Vector value, Vector threshold)
{
    return _mm256_sub_epi32(numbers, _mm256_cmpgt_epi32(value, threshold));
}

#include "int8_modes.h"

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
