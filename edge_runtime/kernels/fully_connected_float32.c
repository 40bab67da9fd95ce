/* FULLY_CONNECTED of float32; the meaning is defined in fully_connected.py. */
#define EK_ROLLED
#include "kernel.h"

#include "dense_float32.h"

void ek_fully_connected_float32(const int32_t *params, void *const *tensors)
{
    ek_dense_float32(params, tensors, ek_dot_portable);
}
