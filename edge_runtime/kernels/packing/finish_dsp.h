/* Shifts of FULLY_CONNECTED for Cortex-M cores with the DSP extension, int8: how ek_dsp_finish reads
 * them, then one of each output. Where all outputs are clamped to int8 only and the products of all
 * are divided by 2^33 to 2^55, the first is 1, and the others say by how much more than 2^33: with
 * that, no sum of a product's high word and what rounds it leaves int32. */
#ifndef EK_FINISH_DSP_H
#define EK_FINISH_DSP_H

#include <stdint.h>

#include "kernel.h"

/* Sets the size of the shifts, tensor 4, and writes them where there is memory for it. */
void ek_pack_finish(const int32_t *params, void *const *tensors, ek_packing *packing);

#endif
