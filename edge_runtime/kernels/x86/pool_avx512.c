/* Pools with AVX-512; the same bytes as the portable kernels. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>

#include "float_bits.h"
#include "pool.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq")))
#define INLINE TARGET __attribute__((always_inline)) static inline

enum { BYTES = 64 }; /* of a vector */

typedef enum { MAX_INT8, MAX_FLOAT, AVERAGE_FLOAT } Kind;

/* The largest of bytes; of floats the largest, or the other where the tap is NaN; or the sum. */
INLINE __m512i joined(Kind kind, __m512i tap, __m512i total)
{
    const __m512 a = _mm512_castsi512_ps(tap), b = _mm512_castsi512_ps(total);
    if (kind == MAX_INT8)
        return _mm512_max_epi8(tap, total);
    return _mm512_castps_si512(kind == MAX_FLOAT ? _mm512_max_ps(a, b) : _mm512_add_ps(b, a));
}

INLINE __m512i finished(Kind kind, const Pool *p, __m512i total, int32_t count)
{
    if (kind == MAX_INT8) {
        total = _mm512_max_epi8(total, _mm512_set1_epi8((char)p->lowest));
        return _mm512_min_epi8(total, _mm512_set1_epi8((char)p->highest));
    }
    __m512 value = _mm512_castsi512_ps(total);
    if (kind == AVERAGE_FLOAT)
        value = _mm512_div_ps(value, _mm512_set1_ps((float)count));
    value = _mm512_max_ps(_mm512_set1_ps(ek_float(&p->lowest)), value); /* NaN stays */
    value = _mm512_min_ps(_mm512_set1_ps(ek_float(&p->highest)), value);
    return _mm512_castps_si512(value);
}

/* A window: its first tap, how many it has in a row and in all, and the bytes from one to the next
 * and from the last of a row to the first of the next. */
typedef struct {
    const char *first;
    int32_t columns, count;
    ptrdiff_t pixel, next_row;
} Window;

/* The outputs of a vector of channels, which are at those bytes of a pixel. */
INLINE __m512i reduced(Kind kind, const Pool *p, const Window *w, ptrdiff_t at, __mmask64 there)
{
    const char *tap = w->first + at;
    __m512i total = kind == MAX_INT8    ? _mm512_set1_epi8(INT8_MIN)
                    : kind == MAX_FLOAT ? _mm512_castps_si512(_mm512_set1_ps(-3.402823466e38f))
                                        : _mm512_setzero_si512();
    for (int32_t left = w->count, column = w->columns; left > 0; left--) {
        total = joined(kind, _mm512_maskz_loadu_epi8(there, tap), total);
        column--;
        tap += column ? w->pixel : w->next_row;
        column = column ? column : w->columns;
    }
    return finished(kind, p, total, w->count);
}

INLINE void pool(Kind kind, const int32_t *params, void *const *tensors)
{
    const Pool p = *(const Pool *)params;
    const ptrdiff_t pixel = (ptrdiff_t)p.channels * (kind == MAX_INT8 ? 1 : 4);
    const ptrdiff_t line = pixel * p.width;
    const char *input = tensors[0];
    char *output = tensors[1];
    for (int32_t batch = 0; batch < p.batches; batch++, input += p.height * line)
        for (int32_t y = 0; y < p.output_height; y++) {
            const EkSpan rows = ek_span_of(y * p.stride_h - p.top, p.height, p.window_height);
            for (int32_t x = 0; x < p.output_width; x++, output += pixel) {
                const EkSpan columns = ek_span_of(x * p.stride_w - p.left, p.width, p.window_width);
                const Window w = {input + rows.start * line + columns.start * pixel, columns.count,
                                  rows.count * columns.count, pixel,
                                  line - (columns.count - 1) * pixel};
                for (ptrdiff_t at = 0; at < pixel; at += BYTES) {
                    const ptrdiff_t left = pixel - at;
                    const __mmask64 there = ~(__mmask64)0 >> (left < BYTES ? BYTES - left : 0);
                    _mm512_mask_storeu_epi8(output + at, there, reduced(kind, &p, &w, at, there));
                }
            }
        }
}

TARGET void ek_pool_max_int8_avx512(const int32_t *params, void *const *tensors)
{
    pool(MAX_INT8, params, tensors);
}

TARGET void ek_pool_max_float32_avx512(const int32_t *params, void *const *tensors)
{
    pool(MAX_FLOAT, params, tensors);
}

TARGET void ek_pool_average_float32_avx512(const int32_t *params, void *const *tensors)
{
    pool(AVERAGE_FLOAT, params, tensors);
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
