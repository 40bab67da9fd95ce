/* Bytes of a tensor in another order with AVX2, of which 16-byte vectors are enough: squares of a
 * transposition are transposed in registers. */
#define EK_ROLLED
#define EK_AVX2
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>

#include "strided_copy.h"
#include "table.h"

#define INLINE EK_TARGET __attribute__((always_inline)) static inline
#define UNROLL _Pragma("GCC unroll 16")

enum { BYTES = 16 }; /* of a vector, a side of a square */

/* The elements of two vectors in turns, from their lower or upper halves. */
INLINE __m128i mixed(const int32_t size, const int upper, __m128i a, __m128i b)
{
    if (size == 1)
        return upper ? _mm_unpackhi_epi8(a, b) : _mm_unpacklo_epi8(a, b);
    if (size == 2)
        return upper ? _mm_unpackhi_epi16(a, b) : _mm_unpacklo_epi16(a, b);
    if (size == 4)
        return upper ? _mm_unpackhi_epi32(a, b) : _mm_unpacklo_epi32(a, b);
    return upper ? _mm_unpackhi_epi64(a, b) : _mm_unpacklo_epi64(a, b);
}

/* Transposes a square: mixing the first half of the vectors with the second moves a bit of an
 * element's row to its column, once for each bit. */
INLINE void square(const int32_t size, const char *from, ptrdiff_t from_step, char *to,
                   ptrdiff_t to_step)
{
    const int32_t side = BYTES / size;
    __m128i rows[BYTES], next[BYTES];
    UNROLL
    for (int32_t i = 0; i < side; i++)
        rows[i] = _mm_loadu_si128((const void *)(from + i * from_step));
    UNROLL
    for (int32_t bit = 1; bit < side; bit *= 2) {
        UNROLL
        for (int32_t i = 0; i < side; i++)
            next[i] = mixed(size, i % 2, rows[i / 2], rows[i / 2 + side / 2]);
        UNROLL
        for (int32_t i = 0; i < side; i++)
            rows[i] = next[i];
    }
    UNROLL
    for (int32_t i = 0; i < side; i++)
        _mm_storeu_si128((void *)(to + i * to_step), rows[i]);
}

INLINE void squares(const int32_t size, EkPlane p, const char *input, char *output)
{
    const int32_t side = BYTES / size;
    for (int32_t i = 0; i < p.inner; i += side)
        for (int32_t o = 0; o < p.outer; o += side)
            square(size, input + i * p.inner_read + o * p.outer_read, p.outer_read,
                   output + i * p.inner_write + o * p.outer_write, p.inner_write);
}

EK_TARGET static void copy_plane(EkPlane p, const char *input, char *output, int32_t size)
{
    if (p.inner_read != size || p.outer_write != size) {
        ek_copy_plane(p, input, output, size);
        return;
    }
    EkPlane whole = p, right = p, below = p;
    whole.inner -= p.inner % (BYTES / size);
    whole.outer -= p.outer % (BYTES / size);
    right.outer -= whole.outer;
    right.inner = whole.inner;
    below.inner -= whole.inner;
    if (size == 1)
        squares(1, whole, input, output);
    else if (size == 2)
        squares(2, whole, input, output);
    else if (size == 4)
        squares(4, whole, input, output);
    else
        squares(8, whole, input, output);
    ek_copy_plane(right, input + whole.outer * p.outer_read, output + whole.outer * p.outer_write,
                  size);
    ek_copy_plane(below, input + whole.inner * p.inner_read, output + whole.inner * p.inner_write,
                  size);
}

static EK_STRIDED_COPY(copy_elements, copy_plane)

/* Runs of bytes are not transposed in registers, and are often but one. */
void ek_strided_copy_avx2(const int32_t *params, void *const *tensors)
{
    const int32_t size = ((const StridedCopy *)params)->size;
    if (size == 1 || size == 2 || size == 4 || size == 8)
        copy_elements(params, tensors);
    else
        ek_strided_copy(params, tensors);
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
