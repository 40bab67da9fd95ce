/* GATHER_ND; the meaning is defined in gather_nd.py. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

#include "flash.h"

typedef struct {
    int32_t count, depth, bytes;
} GatherNd;

/* tensors: input [...][bytes], indices [count][depth], sizes int32 [depth], output [count][bytes].
 */
#define EK_GATHER_ND(type)                                                                         \
    GatherNd p; /* a copy, because the output could be params to the compiler */                   \
    memcpy(&p, params, sizeof p);                                                                  \
    const char *input = (const char *)tensors[0];                                                  \
    const type *indices = (const type *)tensors[1];                                                \
    const int32_t *sizes = (const int32_t *)tensors[2];                                            \
    char *output = (char *)tensors[3];                                                             \
    const size_t bytes = (size_t)p.bytes;                                                          \
                                                                                                   \
    for (int32_t i = 0; i < p.count; i++, indices += p.depth, output += bytes) {                   \
        size_t at = 0;                                                                             \
        int inside = 1;                                                                            \
        for (int32_t k = 0; k < p.depth && inside; k++) {                                          \
            const int32_t size = ek_flash_int32(&sizes[k]);                                        \
            inside = indices[k] >= 0 && indices[k] < size;                                         \
            at = at * (size_t)size + (inside ? (size_t)indices[k] : 0);                            \
        }                                                                                          \
        if (inside)                                                                                \
            memcpy(output, input + at * bytes, bytes);                                             \
        else                                                                                       \
            memset(output, 0, bytes);                                                              \
    }

void ek_gather_nd_int32(const int32_t *params, void *const *tensors)
{
    EK_GATHER_ND(int32_t)
}

void ek_gather_nd_int64(const int32_t *params, void *const *tensors)
{
    EK_GATHER_ND(int64_t)
}
