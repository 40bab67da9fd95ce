/* CONV_2D of int8 for Helium. */
#define EK_SMALL
#include "kernel.h"

#include "conv_2d.h"
#include "helium.h"
#include "table.h"

static inline size_t window_of(const Conv2D *p)
{
    return (size_t)p->window_height * (size_t)p->window_width * (size_t)p->depth;
}

/* Two windows. */
size_t ek_scratch_conv_helium(const int32_t *params)
{
    return 2 * ek_rounded_up(window_of((const Conv2D *)params), EK_LANES);
}

/* Refuses groups, and numbers that the kernel does not rescale. */
int ek_pack_conv_2d_helium(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const Conv2D *const p = (const Conv2D *)params;
    const size_t window = window_of(p), outputs = (size_t)p->outputs;
    if (!tensors[1] || !tensors[2] || !tensors[3] || !tensors[4])
        return 0;
    if (p->channels != p->depth || !ek_rescales_right(outputs, window, tensors))
        return 0;
    memcpy(packing->params, p, sizeof *p);
    ((Conv2DHelium *)packing->params)->ties = p->lowest < p->output_zero_point;
    packing->count = sizeof(Conv2DHelium) / sizeof(int32_t);
    packing->sizes[1] = ek_tiles_size(window, outputs);
    packing->sizes[2] = packing->sizes[3] = packing->sizes[4] =
        ek_rounded_up(outputs, EK_TILE) * sizeof(int32_t);
    if (!packing->tensors[1])
        return 1;
    ek_put_tiles(tensors[1], window, outputs, packing->tensors[1]);
    ek_put_bias(tensors[2], -p->input_zero_point, tensors[1], window, outputs,
                packing->tensors[2]);
    ek_put_padded(tensors[3], 0, outputs, packing->tensors[3]);
    ek_put_padded(tensors[4], 0, outputs, packing->tensors[4]);
    return 1;
}
