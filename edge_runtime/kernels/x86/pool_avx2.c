/* Pools with AVX2; the same bytes as the portable kernels.
 *
 * A vector has neighbouring channels; the last one of a position overlaps the one before it where
 * there are not as many channels as fill vectors. The vectors are halved where even one has more
 * lanes than there are channels, and fewer than 8 bytes or 4 floats are left to the portable
 * kernels. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>

#include "table.h"

#define TARGET __attribute__((target("avx2")))
#define INLINE TARGET __attribute__((always_inline)) static inline
#define V(name) _mm256_##name

typedef __m256i Vector;
typedef __m256 Floats;

#include "pool_vectors.h"

INLINE Vector loaded(const char *from, int32_t bytes)
{
    if (bytes == 32)
        return _mm256_loadu_si256((const void *)from);
    return _mm256_castsi128_si256(bytes == 16 ? _mm_loadu_si128((const void *)from)
                                              : _mm_loadl_epi64((const void *)from));
}

INLINE void store(char *to, Vector values, int32_t bytes)
{
    const __m128i low = _mm256_castsi256_si128(values);
    if (bytes == 32)
        _mm256_storeu_si256((void *)to, values);
    else if (bytes == 16)
        _mm_storeu_si128((void *)to, low);
    else
        _mm_storel_epi64((void *)to, low);
}

/* With vectors of so many bytes, which channels fill at least once. */
INLINE void pool(Kind kind, const Pool *p, void *const *tensors, int32_t bytes)
{
    const ptrdiff_t pixel = (ptrdiff_t)p->channels * (kind == MAX_INT8 ? 1 : 4);
    const ptrdiff_t line = pixel * p->width;
    const char *input = tensors[0];
    char *output = tensors[1];
    for (int32_t batch = 0; batch < p->batches; batch++, input += p->height * line)
        for (int32_t y = 0; y < p->output_height; y++) {
            const EkSpan rows = ek_span_of(y * p->stride_h - p->top, p->height, p->window_height);
            for (int32_t x = 0; x < p->output_width; x++, output += pixel) {
                const EkSpan columns =
                    ek_span_of(x * p->stride_w - p->left, p->width, p->window_width);
                const char *first = input + rows.start * line + columns.start * pixel;
                for (ptrdiff_t at = 0; at < pixel; at += bytes) {
                    Vector total = initial(kind);
                    at = at + bytes > pixel ? pixel - bytes : at;
                    for (int32_t j = 0; j < rows.count; j++) {
                        const char *tap = first + j * line + at;
                        for (int32_t k = 0; k < columns.count; k++, tap += pixel)
                            total = joined(kind, loaded(tap, bytes), total);
                    }
                    total = finished(kind, p, total, rows.count * columns.count);
                    store(output + at, total, bytes);
                }
            }
        }
}

TARGET void ek_pool_max_int8_avx2(const int32_t *params, void *const *tensors)
{
    const Pool p = *(const Pool *)params;
    if (p.channels >= 8)
        pool(MAX_INT8, &p, tensors, p.channels >= 32 ? 32 : p.channels >= 16 ? 16 : 8);
    else
        ek_pool_max_int8(params, tensors);
}

TARGET void ek_pool_max_float32_avx2(const int32_t *params, void *const *tensors)
{
    const Pool p = *(const Pool *)params;
    if (p.channels >= 4)
        pool(MAX_FLOAT, &p, tensors, p.channels >= 8 ? 32 : 16);
    else
        ek_pool_max_float32(params, tensors);
}

TARGET void ek_pool_average_float32_avx2(const int32_t *params, void *const *tensors)
{
    const Pool p = *(const Pool *)params;
    if (p.channels >= 4)
        pool(AVERAGE_FLOAT, &p, tensors, p.channels >= 8 ? 32 : 16);
    else
        ek_pool_average_float32(params, tensors);
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
