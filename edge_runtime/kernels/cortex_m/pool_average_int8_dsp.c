/* AVERAGE_POOL_2D of int8 on Cortex-M cores with the DSP extension: four channels at a time, whose
 * sums are halfwords; packing/pool_dsp.c leaves windows that overflow them to the portable kernel. */
#include "kernel.h"

#ifdef EK_DSP
#include "fixed_point.h"
#include "pool.h"

/* The part of the image that a window covers. */
typedef struct {
    EkSpan rows, columns;
    int32_t row, channels; /* how far rows and columns are apart */
} Window;

/* Sums four channels. */
static void sum_four(const Window *window, const int8_t *from, int32_t *sums)
{
    int32_t even = 0, odd = 0, word; /* the first and the third sum, the second and the fourth */
    for (int32_t i = 0; i < window->rows.count; i++, from += window->row) {
        const int8_t *tap = from;
        for (int32_t j = window->columns.count; j > 0; j--) {
            __asm__ volatile("ldr %2, [%3]\n\t"
                             "add %3, %4\n\t"
                             "sxtab16 %0, %0, %2\n\t"
                             "sxtab16 %1, %1, %2, ror #8"
                             : "+r"(even), "+r"(odd), "=&r"(word), "+r"(tap)
                             : "r"(window->channels)
                             : "memory");
        }
    }
    sums[0] = (int16_t)even;
    sums[1] = (int16_t)odd;
    sums[2] = even >> 16;
    sums[3] = odd >> 16;
}

static int32_t sum_one(const Window *window, const int8_t *from)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < window->rows.count; i++, from += window->row)
        for (int32_t j = 0; j < window->columns.count; j++)
            sum += from[j * window->channels];
    return sum;
}

/* Writes the averages of all channels of a window, rounded, halves away from zero. */
static void put_averages(const Pool *p, const Window *window, const int8_t *from, int8_t *output)
{
    const int32_t taps = window->rows.count * window->columns.count;
    for (int32_t left = p->channels, count; left > 0; left -= count, from += count) {
        int32_t sums[4];
        count = left < 4 ? 1 : 4;
        if (count == 4)
            sum_four(window, from, sums);
        else
            sums[0] = sum_one(window, from);
        for (int32_t i = 0; i < count; i++) {
            const int32_t half = sums[i] > 0 ? taps / 2 : -(taps / 2);
            *output++ = (int8_t)ek_clamp((sums[i] + half) / taps, p->lowest, p->highest);
        }
    }
}

/* tensors: input, output int8. */
void ek_pool_average_int8_once_dsp(const int32_t *params, void *const *tensors)
{
    const Pool *const p = (const Pool *)params;
    const int8_t *image = (const int8_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[1];
    Window window;
    window.row = p->width * p->channels;
    window.channels = p->channels;
    for (int32_t batch = 0; batch < p->batches; batch++, image += p->height * window.row) {
        for (int32_t y = 0; y < p->output_height; y++) {
            window.rows = ek_span_of(y * p->stride_h - p->top, p->height, p->window_height);
            for (int32_t x = 0; x < p->output_width; x++, output += p->channels) {
                window.columns = ek_span_of(x * p->stride_w - p->left, p->width, p->window_width);
                put_averages(p, &window,
                             image + window.rows.start * window.row +
                                 window.columns.start * p->channels,
                             output);
            }
        }
    }
}
#endif
