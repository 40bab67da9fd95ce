/* Windows of an image of int8, copied to lie side by side, on Cortex-M cores with Helium. */
#ifndef EK_WINDOW_HELIUM_H
#define EK_WINDOW_HELIUM_H

#include <arm_mve.h>
#include <stdint.h>

#include "window.h"

/* An image [height][width][channels] and the windows over it. */
typedef struct {
    int32_t height, width, channels, window_height, window_width, dilation_h, dilation_w;
    int32_t zero_point; /* beside the image */
} EkHeliumWindow;

static inline int8_t *ek_helium_copy(int8_t *to, const int8_t *from, int32_t count)
{
    int8_t *const end = to + count;
    for (; count > 0; count -= 16, to += 16, from += 16) {
        const mve_pred16_t part = vctp8q((uint32_t)count);
        vstrbq_p_s8(to, vldrbq_z_s8(from, part), part);
    }
    return end;
}

static inline int8_t *ek_helium_fill(int8_t *to, int32_t value, int32_t count)
{
    int8_t *const end = to + count;
    for (; count > 0; count -= 16, to += 16)
        vstrbq_p_s8(to, vdupq_n_s8((int8_t)value), vctp8q((uint32_t)count));
    return end;
}

/* Copies the window whose first tap is at row y and column x: [window_height][window_width]
 * [channels]. */
static inline void ek_helium_gather(const EkHeliumWindow *w, const int8_t *image, int32_t y,
                                    int32_t x, int8_t *to)
{
    const int32_t first = ek_first_tap(x, w->dilation_w);
    const int32_t end = ek_taps_end(x, w->width, w->window_width, w->dilation_w);
    const int32_t row = w->window_width * w->channels, pitch = w->width * w->channels;
    const int32_t step = w->dilation_w * w->channels;
    const int32_t before = first * w->channels, behind = (w->window_width - end) * w->channels;
    /* Taps side by side are one run. */
    const int32_t runs = step == w->channels ? 1 : end - first;
    const int32_t run = step == w->channels ? (end - first) * w->channels : w->channels;
    for (int32_t i = 0; i < w->window_height; i++, y += w->dilation_h) {
        if (y < 0 || y >= w->height || end <= first) {
            to = ek_helium_fill(to, w->zero_point, row);
            continue;
        }
        const int8_t *from = image + y * pitch + x * w->channels + first * step;
        if (before > 0)
            to = ek_helium_fill(to, w->zero_point, before);
        for (int32_t j = 0; j < runs; j++, from += step)
            to = ek_helium_copy(to, from, run);
        if (behind > 0)
            to = ek_helium_fill(to, w->zero_point, behind);
    }
}

#endif
