/* DEPTHWISE_CONV_2D of int8 with AVX2: 8 or 16 outputs of a pixel at once, two taps at a time. The
 * same bytes as the portable kernel; packed weights are described in packing/depthwise.c. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>

#include "depthwise_conv_2d.h"

#define TARGET __attribute__((target("avx2")))

enum { WIDTH = 8, HEAD = 3 * WIDTH * 4, MOST_TAPS = 64 };

typedef DepthwiseInt8 Layer;

/* Where the taps of a pixel lie, and where those of the next pixel on the right do. */
typedef struct {
    const int8_t *from[MOST_TAPS];
    ptrdiff_t step[MOST_TAPS];
} Taps;

TARGET static inline __m256i load(const void *bytes)
{
    return _mm256_loadu_si256(bytes);
}

/* The products of 8 outputs' inputs, two taps of each side by side as int8, and their weights. */
TARGET static inline __m256i dot(__m256i sum, __m128i pairs, const char *weights)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_cvtepi8_epi16(pairs), load(weights)));
}

/* ek_rescale_twice, the zero point and the bounds. */
TARGET static inline __m256i finish(__m256i sum, const char *block, const Layer *p)
{
    const __m256i zero = _mm256_setzero_si256(), multiplier = load(block + 4 * WIDTH);
    const __m256i shift = load(block + 8 * WIDTH), one = _mm256_set1_epi32(1);
    const __m256i right = _mm256_max_epi32(_mm256_sub_epi32(zero, shift), zero);
    const __m256i half = _mm256_set1_epi64x((int64_t)1 << 30);
    sum = _mm256_sllv_epi32(sum, _mm256_max_epi32(shift, zero));
    __m256i even = _mm256_mul_epi32(sum, multiplier);
    __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(sum, 32), _mm256_srli_epi64(multiplier, 32));
    even = _mm256_srli_epi64(_mm256_add_epi64(even, half), 31);
    odd = _mm256_slli_epi64(_mm256_add_epi64(odd, half), 1);
    sum = _mm256_blend_epi32(even, odd, 0xaa);
    const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, right), one);
    const __m256i threshold = _mm256_sub_epi32(_mm256_srli_epi32(mask, 1),
                                               _mm256_srai_epi32(sum, 31));
    const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(sum, mask), threshold);
    sum = _mm256_sub_epi32(_mm256_srav_epi32(sum, right), up);
    sum = _mm256_add_epi32(sum, _mm256_set1_epi32(p->output_zero_point));
    sum = _mm256_max_epi32(sum, _mm256_set1_epi32(p->lowest));
    return _mm256_min_epi32(sum, _mm256_set1_epi32(p->highest));
}

TARGET static inline __m128i words(__m256i numbers)
{
    return _mm_packs_epi32(_mm256_castsi256_si128(numbers), _mm256_extracti128_si256(numbers, 1));
}

/* 16 or, in the lower half, 8 inputs of a tap; one input that all outputs read. */
TARGET static inline __m128i inputs(const int8_t *from, int32_t count, int many)
{
    if (many)
        return _mm_set1_epi8(*from);
    return count == 8 ? _mm_loadl_epi64((const void *)from) : _mm_loadu_si128((const void *)from);
}

TARGET static inline void eight(const Layer *p, const Taps *t, ptrdiff_t first, int32_t pairs,
                                const char *block, int many, int8_t *output)
{
    const char *weights = block + HEAD;
    __m256i sum = load(block);
    for (int32_t k = 0; k < pairs; k++, weights += 32) {
        const __m128i a = inputs(t->from[2 * k] + first, 8, many);
        const __m128i b = inputs(t->from[2 * k + 1] + first, 8, many);
        sum = dot(sum, _mm_unpacklo_epi8(a, b), weights);
    }
    const __m128i w = words(finish(sum, block, p));
    _mm_storel_epi64((void *)output, _mm_packs_epi16(w, w));
}

TARGET static inline void sixteen(const Layer *p, const Taps *t, ptrdiff_t first, int32_t pairs,
                                  const char *block, ptrdiff_t size, int many, int8_t *output)
{
    const char *weights = block + HEAD;
    __m256i low = load(block), high = load(block + size);
    for (int32_t k = 0; k < pairs; k++, weights += 32) {
        const __m128i a = inputs(t->from[2 * k] + first, 16, many);
        const __m128i b = inputs(t->from[2 * k + 1] + first, 16, many);
        low = dot(low, _mm_unpacklo_epi8(a, b), weights);
        high = dot(high, _mm_unpackhi_epi8(a, b), weights + size);
    }
    low = finish(low, block, p);
    high = finish(high, block + size, p);
    _mm_storeu_si128((void *)output, _mm_packs_epi16(words(low), words(high)));
}

TARGET static inline void pixel(const Layer *p, const Taps *t, int32_t pairs, const char *blocks,
                                int many, int8_t *output)
{
    const ptrdiff_t outputs = (ptrdiff_t)p->channels * p->multiplier;
    const ptrdiff_t size = HEAD + (ptrdiff_t)pairs * 32, moves = many ? 0 : 1;
    ptrdiff_t first = 0;
    for (; first + 16 <= outputs; first += 16, blocks += 2 * size)
        sixteen(p, t, first * moves, pairs, blocks, size, many, output + first);
    if (first + 8 <= outputs) {
        eight(p, t, first * moves, pairs, blocks, many, output + first);
        first += 8;
        blocks += size;
    }
    if (first < outputs)
        eight(p, t, (outputs - 8) * moves, pairs, blocks, many, output + outputs - 8);
}

/* Finds the taps of the window at y and x; what is outside of the image reads zeros. */
TARGET static inline void find_taps(const Layer *p, const int8_t *image, const int8_t *zeros,
                                    int32_t y, int32_t x, Taps *t)
{
    int32_t tap = 0;
    for (int32_t i = 0; i < p->window_height; i++) {
        for (int32_t j = 0; j < p->window_width; j++, tap++) {
            const int32_t row = y + i * p->dilation_h, column = x + j * p->dilation_w;
            const int inside = row >= 0 && row < p->height && column >= 0 && column < p->width;
            const ptrdiff_t at = ((ptrdiff_t)row * p->width + column) * p->channels;
            t->from[tap] = inside ? image + at : zeros;
            t->step[tap] = inside ? (ptrdiff_t)p->stride_w * p->channels : 0;
        }
    }
    t->from[tap % MOST_TAPS] = tap % 2 ? zeros : t->from[tap % MOST_TAPS];
    t->step[tap % MOST_TAPS] = tap % 2 ? 0 : t->step[tap % MOST_TAPS];
}

TARGET static inline void image_row(const Layer *p, const int8_t *image, int32_t row,
                                    const char *blocks, const int8_t *zeros, int8_t *output)
{
    const int32_t pairs = (p->window_height * p->window_width + 1) / 2;
    const int32_t reach = (p->window_width - 1) * p->dilation_w;
    const ptrdiff_t outputs = (ptrdiff_t)p->channels * p->multiplier;
    const int many = p->multiplier > 1;
    Taps t;
    int inner = 0;
    for (int32_t column = 0; column < p->output_width; column++, output += outputs) {
        const int32_t x = column * p->stride_w - p->left;
        const int within = x >= 0 && x + reach < p->width;
        if (inner && within)
            for (int32_t tap = 0; tap < 2 * pairs; tap++)
                t.from[tap] += t.step[tap];
        else
            find_taps(p, image, zeros, row * p->stride_h - p->top, x, &t);
        inner = within;
        if (many)
            pixel(p, &t, pairs, blocks, 1, output);
        else
            pixel(p, &t, pairs, blocks, 0, output);
    }
}

/* tensors: input, packed weights, and the output behind three that the weights include. */
TARGET void ek_depthwise_conv_2d_int8_twice_avx2(const int32_t *params, void *const *tensors)
{
    const Layer p = *(const DepthwiseInt8 *)params;
    const ptrdiff_t outputs = (ptrdiff_t)p.channels * p.multiplier;
    const ptrdiff_t pairs = (p.window_height * p.window_width + 1) / 2;
    const char *blocks = tensors[1];
    const int8_t *zeros = (const int8_t *)blocks + (outputs + 7) / 8 * (HEAD + pairs * 32);
    const int8_t *image = tensors[0];
    int8_t *output = tensors[5];
    for (int32_t batch = 0; batch < p.batches; batch++) {
        for (int32_t row = 0; row < p.output_height; row++) {
            image_row(&p, image, row, blocks, zeros, output);
            output += p.output_width * outputs;
        }
        image += (ptrdiff_t)p.height * p.width * p.channels;
    }
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
