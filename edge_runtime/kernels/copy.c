/* Bytes as they are; the meaning is defined in copy.py. */
#include "kernel.h"

#include <string.h>

typedef struct {
    int32_t size;
} Copy;

/* tensors: input and output of size bytes. */
void ek_copy(const int32_t *params, void *const *tensors)
{
    const Copy *p = (const Copy *)params;
    memcpy(tensors[1], tensors[0], (size_t)p->size);
}
