/* CONV_2D of float32 with int8 weights, in pairs of int16; the same bytes as the portable
 * kernels. What does not depend on how pairs are multiplied, with AVX2.
 *
 * The windows of EK_TILE positions lie in scratch memory, inputs less their zero point, and 0
 * where they leave the image. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>
#include <string.h>

#include "conv_2d_pairs_run.h"
#include "hybrid.h"

#define TARGET __attribute__((target("avx2")))

enum { LANES = 8, OUTPUT = 4 };

/* Lays the window of a position out. */
TARGET static void lay_out(const Conv2D *p, const int16_t *image, int32_t row, int32_t column,
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
TARGET static float quantized(const float *numbers, int32_t count, int32_t asymmetric,
                              int16_t *output)
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

TARGET void ek_run_conv_2d_pairs(EkPairs kind, const int32_t *params, void *const *tensors,
                                 ek_pairs_tile *tile, int32_t many)
{
    Conv2D p;
    memcpy(&p, params, sizeof p);
    const int32_t window = p.window_height * p.window_width * p.depth, pairs = (window + 1) / 2;
    const int32_t places = p.output_height * p.output_width;
    const int32_t pixels = p.height * p.width * p.channels;
    int16_t *const windows = tensors[OUTPUT + 1];
    int16_t *const image = windows + (ptrdiff_t)EK_TILE * pairs * 2;
    const float *from = tensors[0];
    float *to = tensors[OUTPUT];

    memset(windows, 0, (size_t)EK_TILE * (size_t)pairs * 2 * sizeof *windows);
    for (int32_t batch = 0; batch < p.batches; batch++, from += pixels) {
        const float step = quantized(from, pixels, kind == EK_PAIRS_ASYMMETRIC, image);
        for (int32_t place = 0, row = 0, column = 0; place < places; place += EK_TILE) {
            const int32_t count = places - place < EK_TILE ? places - place : EK_TILE;
            for (int32_t i = 0; i < count; i++) {
                lay_out(&p, image, row, column, pairs, windows + (ptrdiff_t)i * pairs * 2);
                if (++column == p.output_width) {
                    column = 0;
                    row++;
                }
            }
            const int32_t *block = tensors[1];
            for (int32_t o = 0; o < p.outputs; o += EK_PAIRS_WIDTH) {
                for (int32_t i = 0; i < count; i += many)
                    tile(&p, kind, step, windows + (ptrdiff_t)i * pairs * 2, pairs, block,
                         count - i, p.outputs - o, to + (ptrdiff_t)i * p.outputs + o);
                block += EK_PAIRS_WIDTH * ((ptrdiff_t)EK_PAIRS_HEADS + pairs);
            }
            to += (ptrdiff_t)count * p.outputs;
        }
    }
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
