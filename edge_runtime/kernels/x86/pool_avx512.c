/* Pools with AVX-512; the same bytes as the portable kernels. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq")))
#define INLINE TARGET __attribute__((always_inline)) static inline

#define V(name) _mm512_##name

typedef __m512i Vector;
typedef __m512 Floats;

#include "pool_vectors.h"

enum { BYTES = 64 }; /* of a vector */

/* A window: its first tap, how many it has in a row and in all, and the bytes from one to the next
 * and from the last of a row to the first of the next. */
typedef struct {
    const char *first;
    int32_t columns, count;
    ptrdiff_t pixel, next_row;
} Window;

/* The outputs of a vector of channels, which are at those bytes of a pixel. */
INLINE Vector reduced(Kind kind, const Pool *p, const Window *w, ptrdiff_t at, __mmask64 there)
{
    const char *tap = w->first + at;
    Vector total = initial(kind);
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
