/* The form of CONV_2D of int8 for Cortex-M cores with the DSP extension, for packer and kernel. */
#ifndef EK_CONV_2D_DSP_H
#define EK_CONV_2D_DSP_H

#include "conv_2d.h"

/* Taps of a word of the input. */
enum { EK_DSP_STEP = 4 };

/* Positions of the output that are calculated at once. */
enum { EK_DSP_PIXELS = 3 };

/* Bits behind the point of outputs by one product; the second one of a pair has 8 more. */
enum { EK_DSP_FRACTION = 4 };

/* Words of a window's taps, in the order of the weights; the last one is filled up. */
static inline int32_t ek_dsp_words(const Conv2D *p)
{
    const int32_t taps = p->window_height * p->window_width * p->depth;
    return taps / EK_DSP_STEP + (taps % EK_DSP_STEP != 0);
}

/* Whether windows can be read where they are, in words. */
static inline int32_t ek_dsp_in_words(const Conv2D *p)
{
    return p->depth % EK_DSP_STEP == 0;
}

/* Bytes of a row of a window that do not fill a word. They follow the words of all rows. */
static inline int32_t ek_dsp_tail(const Conv2D *p)
{
    return p->window_width * p->depth % EK_DSP_STEP;
}

/* Bytes of those of all rows, filled up to words. */
static inline int32_t ek_dsp_tails(const Conv2D *p)
{
    const int32_t bytes = p->window_height * ek_dsp_tail(p);
    return (bytes + EK_DSP_STEP - 1) / EK_DSP_STEP * EK_DSP_STEP;
}

/* Bytes of scratch memory beside the taps: a tap outside of the input, or copies of windows and of
 * their tails. */
static inline size_t ek_dsp_beside(const Conv2D *p)
{
    if (ek_dsp_in_words(p))
        return (size_t)p->depth;
    return EK_DSP_PIXELS * (size_t)(ek_dsp_words(p) * EK_DSP_STEP + ek_dsp_tails(p));
}

/* Bytes of the windows' taps as int16. */
static inline size_t ek_dsp_taps(const Conv2D *p)
{
    return (size_t)ek_dsp_words(p) * EK_DSP_STEP * EK_DSP_PIXELS * sizeof(int16_t);
}

#endif
