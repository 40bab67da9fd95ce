/* CONV_2D of float32 with int8 weights, in pairs of int16; the same bytes as the portable kernels. The file that includes this defines TARGET, KERNEL(name), Sums and grown(sums,
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

enum { WIDTH = 16, HEADS = 2, LANES = 8 };

typedef enum { SYMMETRIC, ASYMMETRIC } Kind;

/* Writes ``count`` of 8 outputs of a position. */
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
                 const int32_t *block, int32_t count, int32_t left, float *output)
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
            finish_hybrid(p, kind, step, stored[i] + lane, block + lane, lanes, output + at);
        }
}

/* Lays the window of a position out. */
SHARED void lay_out(const Conv2D *p, const int16_t *image, int32_t row, int32_t column,
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
            memcpy(to, image + from, (size_t)taps.count * sizeof *to);
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

/* scratch: windows int16 [EK_TILE][pairs][2], then an image in int16. */
SHARED void run(Kind kind, const int32_t *params, const float *from, const void *weights, float *to,
                void *scratch)
{
    Conv2D p;
    memcpy(&p, params, sizeof p);
    const int32_t window = p.window_height * p.window_width * p.depth, pairs = (window + 1) / 2;
    const int32_t places = p.output_height * p.output_width;
    const int32_t pixels = p.height * p.width * p.channels;
    int16_t *const windows = scratch, *const image = windows + (ptrdiff_t)EK_TILE * pairs * 2;

    memset(windows, 0, (size_t)EK_TILE * (size_t)pairs * 2 * sizeof *windows);
    for (int32_t batch = 0; batch < p.batches; batch++, from += pixels) {
        const float step = quantized(from, pixels, kind == ASYMMETRIC, image);
        for (int32_t place = 0, row = 0, column = 0; place < places; place += EK_TILE) {
            const int32_t count = places - place < EK_TILE ? places - place : EK_TILE;
            for (int32_t i = 0; i < count; i++) {
                lay_out(&p, image, row, column, pairs, windows + (ptrdiff_t)i * pairs * 2);
                if (++column == p.output_width) {
                    column = 0;
                    row++;
                }
            }
            const int32_t *block = weights;
            for (int32_t o = 0; o < p.outputs; o += WIDTH) {
                for (int32_t i = 0; i < count; i += MANY)
                    tile(&p, kind, step, windows + (ptrdiff_t)i * pairs * 2, pairs, block,
                         count - i, p.outputs - o, to + (ptrdiff_t)i * p.outputs + o);
                block += WIDTH * ((ptrdiff_t)HEADS + pairs);
            }
            to += (ptrdiff_t)count * p.outputs;
        }
    }
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
