/* FULLY_CONNECTED of float32; the meaning is defined in fully_connected.py. */
#define EK_ROLLED
#include "kernel.h"

#include "fully_connected_float32.h"

void ek_fully_connected_float32(const int32_t *params, void *const *tensors)
{
    ek_fully_connected_by_parts(params, tensors, ek_part_portable);
}
