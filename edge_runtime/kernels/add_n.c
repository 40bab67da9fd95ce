/* ADD_N; the meaning is defined in add_n.py. */
#include "kernel.h"

typedef struct {
    int32_t count, inputs;
} AddN;

/* tensors: inputs int32 [count], output int32 [count]. */
void ek_add_n_int32(const int32_t *params, void *const *tensors)
{
    const AddN *p = (const AddN *)params;
    int32_t *output = (int32_t *)tensors[p->inputs];
    for (int32_t i = 0; i < p->count; i++) {
        uint32_t total = 0;
        for (int32_t input = 0; input < p->inputs; input++)
            total += (uint32_t)((const int32_t *)tensors[input])[i];
        output[i] = (int32_t)total;
    }
}

/* tensors: inputs float [count], output float [count]. */
void ek_add_n_float32(const int32_t *params, void *const *tensors)
{
    const AddN *p = (const AddN *)params;
    float *output = (float *)tensors[p->inputs];
    for (int32_t i = 0; i < p->count; i++) {
        float total = ((const float *)tensors[0])[i];
        for (int32_t input = 1; input < p->inputs; input++)
            total += ((const float *)tensors[input])[i];
        output[i] = total;
    }
}
