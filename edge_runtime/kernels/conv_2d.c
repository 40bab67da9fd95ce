/* CONV_2D; the meaning is defined in conv_2d.py. tensors: input, weights, bias [outputs], ... */
#include "kernel.h"

#include <string.h>

#include "activation.h"
#include "conv_2d.h"
#include "conv_2d_thumb1.h"
#include "fixed_point.h"
#include "flash.h"
#include "float_bits.h"
#include "fused.h"
#include "outputs_int8.h"

enum { SUMS = 16 }; /* of int8 that are calculated before they are stored */

#if defined(__thumb__) && !defined(__thumb2__) && __ARM_ARCH_PROFILE == 'M'
static inline void plus_int8(const Conv2D *p, const EkTaps *taps, int32_t *sums, int32_t many,
                            const int8_t *x, const int8_t *w, ptrdiff_t window)
{
    /* The last four where they do not go into "many", and each for itself where these are fewer:
     * then all four are the same, of which one is kept. */
    static const int32_t none[4] = {0, 0, 0, 0};
    const int32_t step = many < 4 ? 1 : 4;
    EkFourWindows four = {x, w, many < 4 ? 0 : window, taps->input_row, taps->weights_row,
                          -p->input_zero_point, -taps->count, 0, none, sums};
    if (taps->rows <= 0 || taps->runs <= 0) {
        memset(sums, 0, (size_t)many * sizeof *sums);
        return;
    }
    for (int32_t o = 0; o < many; o += step) {
        const int32_t first = many - o < step ? many - step : o;
        four.input = x + taps->count;
        four.weights = w + taps->count + (ptrdiff_t)first * window;
        four.from = none;
        four.sums = sums + first;
        for (int32_t j = taps->runs; j > 0; j--) {
            four.rows = taps->rows;
            ek_four_sums(&four);
            four.input += taps->input_run;
            four.weights += taps->weights_run;
            four.from = four.sums;
        }
    }
}
#else
static inline int32_t product_int8(int32_t x, const int8_t *w)
{
    return (int32_t)(EK_FACTOR)x * (EK_FACTOR)ek_flash_int8(w);
}

/* Of one output. */
static inline void grow_one(int32_t zero, int32_t *sums, const int8_t *x, const int8_t *w,
                            int32_t count)
{
    int32_t sum = sums[0];
    for (int32_t k = 0; k < count; k++)
        sum += product_int8(x[k] - zero, &w[k]);
    sums[0] = sum;
}

/* Of four outputs, for all of which an input is loaded, and its zero point subtracted, once. */
static EK_OUTLINE void grow_four(int32_t zero, int32_t *sums, const int8_t *x, const int8_t *w,
                             ptrdiff_t window, int32_t count)
{
    const int8_t *w1 = w + window, *w2 = w1 + window, *w3 = w2 + window;
    int32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
    for (int32_t k = 0; k < count; k++) {
        const int32_t input = x[k] - zero;
        sum0 += product_int8(input, &w[k]);
        sum1 += product_int8(input, &w1[k]);
        sum2 += product_int8(input, &w2[k]);
        sum3 += product_int8(input, &w3[k]);
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

static inline void grow_int8(const Conv2D *p, int32_t *sums, int32_t many, const int8_t *x,
                             const int8_t *w, ptrdiff_t window, int32_t count)
{
    const int32_t zero = p->input_zero_point;
    int32_t o = 0;
    for (; many - o >= 4; o += 4, w += 4 * window)
        grow_four(zero, sums + o, x, w, window, count);
    for (; o < many; o++, w += window)
        grow_one(zero, sums + o, x, w, count);
}

EK_CONV_2D_SUMS(plus_int8, int8_t, int8_t, int32_t, grow_int8)
#endif

static inline void grow_uint8(const Conv2D *p, int32_t *sum, int32_t many, const uint8_t *x,
                              const uint8_t *w, ptrdiff_t window, int32_t count)
{
    const int32_t zero = p->input_zero_point, weights_zero = p->weights_zero_point;
    (void)many, (void)window;
    for (int32_t k = 0; k < count; k++) {
        const int32_t weight = (uint8_t)ek_flash_int8((const int8_t *)&w[k]);
        *sum += (int32_t)(EK_FACTOR)(x[k] - zero) * (EK_FACTOR)(weight - weights_zero);
    }
}

static inline void grow_int16(const Conv2D *p, int64_t *sum, int32_t many, const int16_t *x,
                              const int8_t *w, ptrdiff_t window, int32_t count)
{
    enum { BLOCK = 256 }; /* products of which the sum stays in int32 */
    (void)p, (void)many, (void)window;
    for (int32_t k = 0; k < count;) {
        const int32_t end = count - k < BLOCK ? count : k + BLOCK;
        int32_t part = 0;
        for (; k < end; k++)
            part += (int32_t)x[k] * ek_flash_int8(&w[k]);
        *sum += part;
    }
}

/* One after another, in the order of LiteRT's reference kernel, each rounded once. */
static inline void grow_float32(const Conv2D *p, float *sum, int32_t many, const float *x,
                                const float *w, ptrdiff_t window, int32_t count)
{
    (void)p, (void)many, (void)window;
    for (int32_t k = 0; k < count; k++)
        *sum = ek_fused(x[k], ek_flash_float(&w[k]), *sum);
}

EK_CONV_2D_SUMS(plus_uint8, uint8_t, uint8_t, int32_t, grow_uint8)
EK_CONV_2D_SUMS(plus_int16, int16_t, int8_t, int64_t, grow_int16)
EK_CONV_2D_SUMS(plus_float32, float, float, float, grow_float32)

/* tensors: ..., bias, multiplier, shift int32 [outputs], output. */
static inline void store_int8_twice(const Conv2D *p, const int32_t *sums, void *const *tensors,
                                    int32_t first, int32_t count, int8_t *output)
{
    const EkOutputs outputs = {p->output_zero_point, p->lowest, p->highest};
    ek_outputs_int8(outputs, sums, tensors, first, count, output);
}

/* Defines how outputs are stored that finish(p, sum, tensors, output) makes one by one. */
#define EK_STORE(store, Number, Sum, finish)                                                       \
    static inline void store(const Conv2D *p, const Sum *sums, void *const *tensors,               \
                             int32_t first, int32_t count, Number *output)                         \
    {                                                                                              \
        for (int32_t i = 0; i < count; i++)                                                        \
            output[i] = (Number)finish(p, sums[i], tensors, first + i);                            \
    }

/* tensors: ..., bias, multiplier, shift int32 [outputs], output. */
static inline int32_t finish_twice(const Conv2D *p, int32_t sum, void *const *tensors, int32_t o)
{
    const int32_t *bias = (const int32_t *)tensors[2], *multiplier = (const int32_t *)tensors[3];
    const int32_t *shift = (const int32_t *)tensors[4];
    const int32_t total = ek_add(sum, ek_flash_int32(&bias[o]));
    const int32_t scaled =
        ek_rescale_twice(total, ek_flash_int32(&multiplier[o]), ek_flash_int32(&shift[o]));
    return ek_clamp(ek_add(scaled, p->output_zero_point), p->lowest, p->highest);
}

/* The same with sums of int64, of which int32 is left. */
static inline int32_t finish_wide_twice(const Conv2D *p, int64_t sum, void *const *tensors,
                                        int32_t o)
{
    return finish_twice(p, (int32_t)(uint32_t)(uint64_t)sum, tensors, o);
}

/* tensors: ..., bias int64, multiplier, shift int32 [outputs], output. */
static inline int32_t finish_wide_once(const Conv2D *p, int64_t sum, void *const *tensors,
                                       int32_t o)
{
    const int64_t *bias = (const int64_t *)tensors[2];
    const int32_t *multiplier = (const int32_t *)tensors[3], *shift = (const int32_t *)tensors[4];
    const int64_t total = (int64_t)((uint64_t)sum + (uint64_t)ek_flash_int64(&bias[o]));
    const int32_t scaled =
        ek_rescale_reduced(total, ek_flash_int32(&multiplier[o]), ek_flash_int32(&shift[o]));
    return ek_clamp(scaled, p->lowest, p->highest);
}

/* tensors: ..., bias int32, scale float [outputs], output. */
static inline int32_t finish_float(const Conv2D *p, int32_t sum, void *const *tensors, int32_t o)
{
    const int32_t *bias = (const int32_t *)tensors[2];
    const float *scale = (const float *)tensors[3];
    const int32_t zero_point = p->output_zero_point;
    const float low = (float)(p->lowest - zero_point), high = (float)(p->highest - zero_point);
    const float scaled = (float)ek_add(sum, ek_flash_int32(&bias[o])) * ek_flash_float(&scale[o]);
    return ek_nearest_even(ek_clamp_float32(scaled, low, high)) + zero_point;
}

/* tensors: ..., bias float [outputs], output. */
static inline float finish_float32(const Conv2D *p, float sum, void *const *tensors, int32_t o)
{
    const float *bias = (const float *)tensors[2];
    return ek_clamp_float32(sum + ek_flash_float(&bias[o]), ek_float(&p->lowest),
                            ek_float(&p->highest));
}

EK_STORE(store_int8_float, int8_t, int32_t, finish_float)
EK_STORE(store_uint8_twice, uint8_t, int32_t, finish_twice)
EK_STORE(store_int16_twice, int16_t, int64_t, finish_wide_twice)
EK_STORE(store_int16_once, int16_t, int64_t, finish_wide_once)
EK_STORE(store_float32, float, float, finish_float32)

EK_CONV_2D(EK(conv_2d_int8_twice), int8_t, int8_t, int32_t, SUMS, plus_int8, store_int8_twice, 5)
EK_CONV_2D(EK(conv_2d_int8_float), int8_t, int8_t, int32_t, SUMS, plus_int8, store_int8_float, 4)
EK_CONV_2D(EK(conv_2d_uint8_twice), uint8_t, uint8_t, int32_t, 1, plus_uint8, store_uint8_twice, 5)
EK_CONV_2D(EK(conv_2d_int16_twice), int16_t, int8_t, int64_t, 1, plus_int16, store_int16_twice, 5)
EK_CONV_2D(EK(conv_2d_int16_once), int16_t, int8_t, int64_t, 1, plus_int16, store_int16_once, 5)
EK_CONV_2D(EK(conv_2d_float32), float, float, float, 1, plus_float32, store_float32, 3)
