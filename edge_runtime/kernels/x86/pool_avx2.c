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

#include "float_bits.h"
#include "pool.h"
#include "table.h"

#define TARGET __attribute__((target("avx2")))
#define INLINE TARGET __attribute__((always_inline)) static inline

typedef enum { MAX_INT8, MAX_FLOAT, AVERAGE_FLOAT } Kind;

INLINE __m256i loaded(const char *from, int32_t bytes)
{
    if (bytes == 32)
        return _mm256_loadu_si256((const void *)from);
    return _mm256_castsi128_si256(bytes == 16 ? _mm_loadu_si128((const void *)from)
                                              : _mm_loadl_epi64((const void *)from));
}

INLINE void store(char *to, __m256i values, int32_t bytes)
{
    const __m128i low = _mm256_castsi256_si128(values);
    if (bytes == 32)
        _mm256_storeu_si256((void *)to, values);
    else if (bytes == 16)
        _mm_storeu_si128((void *)to, low);
    else
        _mm_storel_epi64((void *)to, low);
}

/* The largest of bytes; of floats the largest, or the other where the tap is NaN; or the sum. */
INLINE __m256i joined(Kind kind, __m256i tap, __m256i total)
{
    const __m256 a = _mm256_castsi256_ps(tap), b = _mm256_castsi256_ps(total);
    if (kind == MAX_INT8)
        return _mm256_max_epi8(tap, total);
    return _mm256_castps_si256(kind == MAX_FLOAT ? _mm256_max_ps(a, b) : _mm256_add_ps(b, a));
}

INLINE __m256i finished(Kind kind, const Pool *p, __m256i total, int32_t count)
{
    if (kind == MAX_INT8) {
        total = _mm256_max_epi8(total, _mm256_set1_epi8((char)p->lowest));
        return _mm256_min_epi8(total, _mm256_set1_epi8((char)p->highest));
    }
    __m256 value = _mm256_castsi256_ps(total);
    if (kind == AVERAGE_FLOAT)
        value = _mm256_div_ps(value, _mm256_set1_ps((float)count));
    value = _mm256_max_ps(_mm256_set1_ps(ek_float(&p->lowest)), value); /* NaN stays */
    value = _mm256_min_ps(_mm256_set1_ps(ek_float(&p->highest)), value);
    return _mm256_castps_si256(value);
}

/* With vectors of so many bytes, which channels fill at least once. */
INLINE void pool(Kind kind, const Pool *p, void *const *tensors, int32_t bytes)
{
    const __m256i initial = kind == MAX_INT8    ? _mm256_set1_epi8(INT8_MIN)
                            : kind == MAX_FLOAT ? _mm256_castps_si256(
                                                      _mm256_set1_ps(-3.402823466e38f))
                                                : _mm256_setzero_si256();
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
                    __m256i total = initial;
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
