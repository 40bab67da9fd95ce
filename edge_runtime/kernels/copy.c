/* Bytes as they are; the meaning is defined in copy.py. */
#include "kernel.h"

#include <string.h>

/* tensors: input and output of params[0] bytes. */
void ek_copy(const int32_t *params, void *const *tensors)
{
    memcpy(tensors[1], tensors[0], (size_t)params[0]);
}
