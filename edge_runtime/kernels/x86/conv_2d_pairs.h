/* CONV_2D of uint8, and of float32 with int8 weights, in pairs of int16; the same bytes as the
 * portable kernels. The file that includes this defines TARGET, KERNEL(name), Sums and grown(sums,
 * x, weights): 16 sums, and those with the products of a pair of inputs and 16 pairs of weights;
 * and MANY, which divides EK_TILE: positions whose sums fit the registers.
 *
 * The windows of EK_TILE positions lie in scratch memory, inputs less their zero point, and 0 where
 * they leave the image. packing/conv_2d_pairs.c describes the weights. */
#include <immintrin.h>
#include <string.h>

#include "conv_2d.h"
#include "float_bits.h"
#include "hybrid.h"

#define INLINE TARGET __attribute__((always_inline)) static inline
#define SHARED TARGET __attribute__((noinline)) static
#define UNROLL _Pragma("GCC unroll 32")

enum { WIDTH = 16, HEADS = 4, LANES = 8 };

typedef enum { UINT8, SYMMETRIC, ASYMMETRIC } Kind;

/* ek_rescale_twice, with the heads of 8 outputs. */
INLINE __m256i rescaled_twice(__m256i total, const int32_t *head)
{
    const __m256i multiplier = _mm256_loadu_si256((const void *)(head + WIDTH));
    const __m256i left = _mm256_loadu_si256((const void *)(head + 2 * WIDTH));
    const __m256i right = _mm256_loadu_si256((const void *)(head + 3 * WIDTH));
    const __m256i half = _mm256_set1_epi64x((int64_t)1 << 30), one = _mm256_set1_epi32(1);
    const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, right), one);
    total = _mm256_sllv_epi32(total, left);
    __m256i even = _mm256_mul_epi32(total, multiplier);
    __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(total, 32), _mm256_srli_epi64(multiplier, 32));
    even = _mm256_srli_epi64(_mm256_add_epi64(even, half), 31);
    odd = _mm256_slli_epi64(_mm256_add_epi64(odd, half), 1);
    const __m256i high = _mm256_blend_epi32(even, odd, 0xaa);
    const __m256i threshold =
        _mm256_sub_epi32(_mm256_srli_epi32(mask, 1), _mm256_srai_epi32(high, 31));
    const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(high, mask), threshold);
    return _mm256_sub_epi32(_mm256_srav_epi32(high, right), up);
}

/* Writes ``count`` of 8 outputs of a position. */
INLINE void finish_uint8(const Conv2D *p, const int32_t *sums, const int32_t *head, int32_t count,
                         uint8_t *output)
{
    __m256i value = _mm256_add_epi32(_mm256_loadu_si256((const void *)sums),
                                     _mm256_loadu_si256((const void *)head));
    value = rescaled_twice(value, head);
    value = _mm256_add_epi32(value, _mm256_set1_epi32(p->output_zero_point));
    value = _mm256_max_epi32(value, _mm256_set1_epi32(p->lowest));
    value = _mm256_min_epi32(value, _mm256_set1_epi32(p->highest));
    __m128i bytes =
        _mm_packs_epi32(_mm256_castsi256_si128(value), _mm256_extracti128_si256(value, 1));
    bytes = _mm_packus_epi16(bytes, bytes);
    if (count == LANES)
        _mm_storel_epi64((void *)output, bytes);
    else
        memcpy(output, &bytes, (size_t)count);
}

INLINE void finish_hybrid(const Conv2D *p, Kind kind, float step, const int32_t *sums,
                          const int32_t *head, int32_t count, float *output)
{
    const __m256 sum = _mm256_cvtepi32_ps(_mm256_loadu_si256((const void *)sums));
    const __m256 bias = _mm256_loadu_ps((const void *)head), steps = _mm256_set1_ps(step);
    const __m256 scale = _mm256_loadu_ps((const void *)(head + WIDTH));
    __m256 value = kind == ASYMMETRIC ? _mm256_mul_ps(_mm256_mul_ps(sum, scale), steps)
                                      : _mm256_mul_ps(sum, _mm256_mul_ps(steps, scale));
    value = _mm256_add_ps(value, bias);
    /* The second is what they give of NaN and a bound. */
    value = _mm256_max_ps(_mm256_set1_ps(ek_float(&p->lowest)), value);
    value = _mm256_min_ps(_mm256_set1_ps(ek_float(&p->highest)), value);
    if (count == LANES)
        _mm256_storeu_ps(output, value);
    else
        memcpy(output, &value, (size_t)count * sizeof *output);
}

/* The outputs of one block at MANY positions, of which ``count`` exist. */
SHARED void tile(const Conv2D *p, Kind kind, float step, const int16_t *windows, int32_t pairs,
                 const int32_t *block, int32_t count, int32_t left, char *output)
{
    const int32_t *weights = block + HEADS * WIDTH;
    int32_t stored[MANY][WIDTH];
    Sums sums[MANY];
    UNROLL
    for (int32_t i = 0; i < MANY; i++)
        memset(&sums[i], 0, sizeof sums[i]);
    for (int32_t k = 0; k < pairs; k++, weights += WIDTH)
        UNROLL
        for (int32_t i = 0; i < MANY; i++) {
            int32_t pair;
            memcpy(&pair, windows + ((ptrdiff_t)i * pairs + k) * 2, sizeof pair);
            sums[i] = grown(sums[i], pair, weights);
        }
    UNROLL
    for (int32_t i = 0; i < MANY; i++)
        memcpy(stored[i], &sums[i], sizeof stored[i]);
    for (int32_t i = 0; i < MANY && i < count; i++)
        for (int32_t lane = 0; lane < WIDTH && lane < left; lane += LANES) {
            const int32_t lanes = left - lane < LANES ? left - lane : LANES;
            const ptrdiff_t at = (ptrdiff_t)i * p->outputs + lane;
            if (kind == UINT8)
                finish_uint8(p, stored[i] + lane, block + lane, lanes, (uint8_t *)output + at);
            else
                finish_hybrid(p, kind, step, stored[i] + lane, block + lane, lanes,
                              (float *)(void *)output + at);
        }
}

/* Lays the window of a position out. */
SHARED void lay_out(const Conv2D *p, Kind kind, const void *image, int32_t row, int32_t column,
                    int32_t pairs, int16_t *window)
{
    const EkTaps taps = ek_taps_at(p, row, column);
    ptrdiff_t from_row = taps.input, to_row = taps.weights;
    if (!taps.whole)
        memset(window, 0, (size_t)pairs * 2 * sizeof *window);
    else
        window[2 * (ptrdiff_t)pairs - 1] = 0; /* where the last pair is a single number */
    for (int32_t i = 0; i < taps.rows; i++) {
        for (int32_t j = 0; j < taps.runs; j++) {
            const ptrdiff_t from = from_row + (ptrdiff_t)j * taps.input_run;
            int16_t *const to = window + to_row + (ptrdiff_t)j * taps.weights_run;
            if (kind == UINT8)
                for (int32_t k = 0; k < taps.count; k++)
                    to[k] = (int16_t)(((const uint8_t *)image)[from + k] - p->input_zero_point);
            else
                memcpy(to, (const int16_t *)image + from, (size_t)taps.count * sizeof *to);
        }
        from_row += taps.input_row;
        to_row += taps.weights_row;
    }
}

/* ek_quantize_hybrid. */
SHARED float quantized(const float *numbers, int32_t count, int32_t asymmetric, int16_t *output)
{
    __m256 lows = _mm256_setzero_ps(), highs = lows;
    float low = 0, high = 0;
    int32_t i = 0;
    for (; i + LANES <= count; i += LANES) { /* of NaN and a bound, they give the bound */
        lows = _mm256_min_ps(_mm256_loadu_ps(numbers + i), lows);
        highs = _mm256_max_ps(_mm256_loadu_ps(numbers + i), highs);
    }
    for (int32_t lane = 0; lane < LANES; lane++) {
        low = lows[lane] < low ? lows[lane] : low;
        high = highs[lane] > high ? highs[lane] : high;
    }
    for (; i < count; i++) {
        low = numbers[i] < low ? numbers[i] : low;
        high = numbers[i] > high ? numbers[i] : high;
    }
    if (low == high) {
        memset(output, 0, (size_t)count * sizeof *output);
        return 1;
    }
    const EkHybrid hybrid = ek_hybrid(low, high, asymmetric);
    for (i = 0; i < count; i += LANES) {
        const int32_t left = count - i;
        __m256 value = _mm256_setzero_ps();
        if (left >= LANES)
            value = _mm256_loadu_ps(numbers + i);
        else
            memcpy(&value, numbers + i, (size_t)left * sizeof *numbers);
        value = _mm256_mul_ps(value, _mm256_set1_ps(hybrid.inverse));
        value = _mm256_max_ps(value, _mm256_set1_ps(hybrid.low_end));
        value = _mm256_min_ps(value, _mm256_set1_ps(hybrid.high_end));
        const __m256 sign = _mm256_and_ps(value, _mm256_set1_ps(-0.0f));
        value = _mm256_add_ps(value, _mm256_or_ps(sign, _mm256_set1_ps(0.5f)));
        const __m256i whole = _mm256_cvttps_epi32(value);
        const __m128i words =
            _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
        memcpy(output + i, &words, (size_t)(left < LANES ? left : LANES) * sizeof *output);
    }
    return hybrid.scale;
}

/* scratch: windows int16 [EK_TILE][pairs][2], then, but for uint8, an image in int16. */
SHARED void run(Kind kind, const int32_t *params, const void *input, const void *weights,
                void *output, void *scratch)
{
    Conv2D p;
    memcpy(&p, params, sizeof p);
    const int32_t window = p.window_height * p.window_width * p.depth, pairs = (window + 1) / 2;
    const int32_t places = p.output_height * p.output_width;
    const int32_t pixels = p.height * p.width * p.channels;
    const ptrdiff_t size = kind == UINT8 ? 1 : 4; /* of inputs and outputs, in bytes */
    int16_t *const windows = scratch, *const image = windows + (ptrdiff_t)EK_TILE * pairs * 2;
    const char *from = input;
    char *to = output;

    memset(windows, 0, (size_t)EK_TILE * (size_t)pairs * 2 * sizeof *windows);
    for (int32_t batch = 0; batch < p.batches; batch++, from += pixels * size) {
        float step = 0;
        if (kind != UINT8)
            step = quantized((const void *)from, pixels, kind == ASYMMETRIC, image);
        for (int32_t place = 0, row = 0, column = 0; place < places; place += EK_TILE) {
            const int32_t count = places - place < EK_TILE ? places - place : EK_TILE;
            for (int32_t i = 0; i < count; i++) {
                const void *source = kind == UINT8 ? (const void *)from : image;
                lay_out(&p, kind, source, row, column, pairs, windows + (ptrdiff_t)i * pairs * 2);
                if (++column == p.output_width) {
                    column = 0;
                    row++;
                }
            }
            const int32_t *block = weights;
            for (int32_t o = 0; o < p.outputs; o += WIDTH) {
                for (int32_t i = 0; i < count; i += MANY)
                    tile(&p, kind, step, windows + (ptrdiff_t)i * pairs * 2, pairs, block,
                         count - i, p.outputs - o, to + ((ptrdiff_t)i * p.outputs + o) * size);
                block += WIDTH * ((ptrdiff_t)HEADS + pairs);
            }
            to += (ptrdiff_t)count * p.outputs * size;
        }
    }
}

/* tensors: input uint8, weights, bias, multiplier, shift, output, scratch. */
void KERNEL(conv_2d_uint8_twice)(const int32_t *params, void *const *tensors)
{
    run(UINT8, params, tensors[0], tensors[1], tensors[5], tensors[6]);
}

/* tensors: input float, weights, bias, scale, output, scratch. */
void KERNEL(conv_2d_hybrid_symmetric)(const int32_t *params, void *const *tensors)
{
    run(SYMMETRIC, params, tensors[0], tensors[1], tensors[4], tensors[5]);
}

void KERNEL(conv_2d_hybrid_asymmetric)(const int32_t *params, void *const *tensors)
{
    run(ASYMMETRIC, params, tensors[0], tensors[1], tensors[4], tensors[5]);
}
