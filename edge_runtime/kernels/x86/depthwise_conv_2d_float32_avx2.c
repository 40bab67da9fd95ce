/* DEPTHWISE_CONV_2D of float32 with AVX2, one or four vectors of outputs at once. The same bytes as
 * the portable kernel: each product and each sum is rounded, in the order of the taps. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>

#include "depthwise_conv_2d.h"
#include "window.h"

#define TARGET __attribute__((target("avx2")))

enum { LANES = 8, MOST_TAPS = 64 };

typedef DepthwiseFloat32 Layer;

/* The taps inside of the image: where each reads, seen from tap 0, and where its weights lie. */
typedef struct {
    int32_t count;
    ptrdiff_t input[MOST_TAPS], weights[MOST_TAPS];
} Taps;

TARGET static inline void find_taps(const Layer *p, int32_t y, int32_t x, Taps *t)
{
    const int32_t end_row = ek_taps_end(y, p->height, p->window_height, p->dilation_h);
    const int32_t end_column = ek_taps_end(x, p->width, p->window_width, p->dilation_w);
    const ptrdiff_t outputs = (ptrdiff_t)p->channels * p->multiplier;
    t->count = 0;
    for (int32_t i = ek_first_tap(y, p->dilation_h); i < end_row; i++) {
        for (int32_t j = ek_first_tap(x, p->dilation_w); j < end_column; j++, t->count++) {
            const ptrdiff_t down = (ptrdiff_t)i * p->dilation_h * p->width;
            t->input[t->count] = (down + (ptrdiff_t)j * p->dilation_w) * p->channels;
            t->weights[t->count] = ((ptrdiff_t)i * p->window_width + j) * outputs;
        }
    }
}

TARGET static inline __m256i lanes_of(int32_t count)
{
    const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), numbers);
}

/* Adds the products of a vector of inputs and weights. */
TARGET static inline __m256 grow(__m256 sum, __m256 x, const float *weights)
{
    return _mm256_add_ps(sum, _mm256_mul_ps(x, _mm256_loadu_ps(weights)));
}

/* The sums with the bias, clamped. NaN and -0.0 stay: of numbers that do not differ, max and min
 * return the second. */
TARGET static inline __m256 finish(const Layer *p, __m256 sum, __m256 bias)
{
    const __m256 lowest = _mm256_set1_ps(p->lowest), highest = _mm256_set1_ps(p->highest);
    return _mm256_min_ps(highest, _mm256_max_ps(lowest, _mm256_add_ps(sum, bias)));
}

/* Up to a vector of outputs: of neighbouring channels, or all of the same. */
TARGET static inline void some(const Layer *p, const Taps *t, const float *image, ptrdiff_t start,
                               const float *weights, const float *bias, int32_t count, int many,
                               float *output)
{
    const __m256i lanes = lanes_of(count);
    __m256 sum = _mm256_setzero_ps();
    for (int32_t k = 0; k < t->count; k++) {
        const float *from = image + (start + t->input[k]);
        const __m256 x = many ? _mm256_set1_ps(*from) : _mm256_maskload_ps(from, lanes);
        const __m256 w = _mm256_maskload_ps(weights + t->weights[k], lanes);
        sum = _mm256_add_ps(sum, _mm256_mul_ps(x, w));
    }
    _mm256_maskstore_ps(output, lanes, finish(p, sum, _mm256_maskload_ps(bias, lanes)));
}

/* Four vectors of outputs. */
TARGET static inline void four(const Layer *p, const Taps *t, const float *image, ptrdiff_t start,
                               const float *weights, const float *bias, int many, float *output)
{
    __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                      _mm256_setzero_ps()};
    for (int32_t k = 0; k < t->count; k++) {
        const float *from = image + (start + t->input[k]), *w = weights + t->weights[k];
        const __m256 x = many ? _mm256_set1_ps(*from) : _mm256_loadu_ps(from);
        sums[0] = grow(sums[0], x, w);
        sums[1] = grow(sums[1], many ? x : _mm256_loadu_ps(from + LANES), w + LANES);
        sums[2] = grow(sums[2], many ? x : _mm256_loadu_ps(from + 2 * LANES), w + 2 * LANES);
        sums[3] = grow(sums[3], many ? x : _mm256_loadu_ps(from + 3 * LANES), w + 3 * LANES);
    }
    for (int32_t i = 0; i < 4; i++)
        _mm256_storeu_ps(output + i * LANES,
                         finish(p, sums[i], _mm256_loadu_ps(bias + i * LANES)));
}

/* start: where tap 0 of the pixel reads, seen from the image. */
TARGET static inline void pixel(const Layer *p, const Taps *t, const float *image, ptrdiff_t start,
                                void *const *tensors, int many, float *output)
{
    const int32_t outputs = p->channels * p->multiplier, run = many ? p->multiplier : outputs;
    const float *weights = tensors[1], *bias = tensors[2];
    for (int32_t at = 0, channel = 0; at < outputs; channel++) {
        for (const int32_t end = at + run; at < end;) {
            const ptrdiff_t from = start + (many ? channel : at);
            int32_t count = end - at < LANES ? end - at : LANES;
            if (end - at >= 4 * LANES) {
                four(p, t, image, from, weights + at, bias + at, many, output + at);
                count = 4 * LANES;
            } else {
                some(p, t, image, from, weights + at, bias + at, count, many, output + at);
            }
            at += count;
        }
    }
}

TARGET static inline void image_row(const Layer *p, const float *image, int32_t row,
                                    void *const *tensors, float *output)
{
    const int32_t outputs = p->channels * p->multiplier, y = row * p->stride_h - p->top;
    const int32_t reach = (p->window_width - 1) * p->dilation_w;
    int found = 0; /* whether the taps are those of a pixel all of whose columns lie inside */
    Taps t;
    t.count = 0;
    for (int32_t column = 0; column < p->output_width; column++, output += outputs) {
        const int32_t x = column * p->stride_w - p->left;
        const int inside = x >= 0 && x + reach < p->width;
        const ptrdiff_t start = ((ptrdiff_t)y * p->width + x) * p->channels;
        if (!found || !inside)
            find_taps(p, y, x, &t);
        found = inside;
        if (p->multiplier > 1)
            pixel(p, &t, image, start, tensors, 1, output);
        else
            pixel(p, &t, image, start, tensors, 0, output);
    }
}

/* tensors: input, weights, bias, output. */
TARGET void ek_depthwise_conv_2d_float32_avx2(const int32_t *params, void *const *tensors)
{
    const Layer p = *(const DepthwiseFloat32 *)params;
    const ptrdiff_t size = (ptrdiff_t)p.output_width * p.channels * p.multiplier;
    const float *image = tensors[0];
    float *output = tensors[3];
    for (int32_t batch = 0; batch < p.batches; batch++) {
        for (int32_t row = 0; row < p.output_height; row++, output += size)
            image_row(&p, image, row, tensors, output);
        image += (ptrdiff_t)p.height * p.width * p.channels;
    }
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
