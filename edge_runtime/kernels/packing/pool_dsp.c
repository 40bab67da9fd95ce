/* AVERAGE_POOL_2D of int8 for Cortex-M cores with the DSP extension: which windows it sums. */
#define EK_SMALL
#include "kernel.h"

#include "pool.h"
#include "table.h"

/* Inputs whose sum fits into 16 bits, whatever they are. */
enum { MOST = 256 };

int ek_pack_pool_average_int8_dsp(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const Pool *const p = (const Pool *)params;
    (void)tensors;
    (void)packing;
    return p->window_height <= MOST && p->window_width <= MOST / p->window_height;
}
