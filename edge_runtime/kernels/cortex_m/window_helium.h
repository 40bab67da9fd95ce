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

/* The same where all taps are in the image and those of a row side by side. */
static inline void ek_helium_gather_inside(const EkHeliumWindow *w, const int8_t *from, int8_t *to)
{
    const int32_t row = w->window_width * w->channels;
    const int32_t pitch = w->width * w->channels * w->dilation_h;
    for (int32_t i = w->window_height; i > 0; i--, from += pitch)
        to = ek_helium_copy(to, from, row);
}

/* The same where some taps may be beside the image. */
static inline void ek_helium_gather_beside(const EkHeliumWindow *w, const int8_t *image, int32_t y,
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

/* Copies the window whose first tap is at row y and column x: [window_height][window_width]
 * [channels]. */
static inline void ek_helium_gather(const EkHeliumWindow *w, const int8_t *image, int32_t y,
                                    int32_t x, int8_t *to)
{
    const int32_t last_y = y + (w->window_height - 1) * w->dilation_h;
    const int32_t last_x = x + w->window_width - 1;
    if (y >= 0 && x >= 0 && last_y < w->height && last_x < w->width && w->dilation_w == 1)
        ek_helium_gather_inside(w, image + (y * w->width + x) * w->channels, to);
    else
        ek_helium_gather_beside(w, image, y, x, to);
}

#endif
