/* FULLY_CONNECTED of int16 with weights of int8; the meaning is defined in fully_connected.py.
 * tensors: input [rows][depth], weights int8 [outputs][depth], ... */
#include "kernel.h"

#include "fixed_point.h"
#include "flash.h"
#include "fully_connected.h"

static inline int64_t dot_int16(const int16_t *input, const int8_t *weights, int32_t depth)
{
    enum { BLOCK = 256 }; /* products of which the sum stays in int32 */
    int64_t sum = 0;
    for (int32_t k = 0; k < depth;) {
        const int32_t end = depth - k < BLOCK ? depth : k + BLOCK;
        int32_t part = 0;
        for (; k < end; k++)
            part += (int32_t)input[k] * ek_flash_int8(&weights[k]);
        sum += part;
    }
    return sum;
}

/* A sum with the bias of an output, int64 or int32 as the bias is; it wraps. */
typedef int64_t adder(int64_t sum, const void *bias, int32_t output);

static inline int64_t add_wide(int64_t sum, const void *bias, int32_t output)
{
    return (int64_t)((uint64_t)sum + (uint64_t)ek_flash_int64((const int64_t *)bias + output));
}

static inline int64_t add_narrow(int64_t sum, const void *bias, int32_t output)
{
    return ek_add((int32_t)(uint32_t)(uint64_t)sum, ek_flash_int32((const int32_t *)bias + output));
}

/* A total scaled by the multiplier and the shift of an output. */
typedef int32_t scaler(int64_t total, const void *multiplier, const int32_t *shift, int32_t output);

static inline int32_t scale_exact(int64_t total, const void *multiplier, const int32_t *shift,
                                  int32_t output)
{
    const int64_t significand = ek_flash_int64((const int64_t *)multiplier + output);
    return ek_rescale_exact(total, significand, ek_flash_int32(&shift[output]));
}

static inline int32_t scale_reduced(int64_t total, const void *multiplier, const int32_t *shift,
                                    int32_t output)
{
    const int32_t factor = ek_flash_int32((const int32_t *)multiplier + output);
    return ek_rescale_reduced(total, factor, ek_flash_int32(&shift[output]));
}

static inline int32_t scale_twice(int64_t total, const void *multiplier, const int32_t *shift,
                                  int32_t output)
{
    const int32_t factor = ek_flash_int32((const int32_t *)multiplier + output);
    return ek_rescale_twice((int32_t)total, factor, ek_flash_int32(&shift[output]));
}

static inline void dense_int16(const int32_t *params, void *const *tensors, adder *with_bias,
                               scaler *scale)
{
    const int16_t *input = (const int16_t *)tensors[0];
    const int32_t *shift = (const int32_t *)tensors[4];
    int16_t *output = (int16_t *)tensors[5];
    const FullyConnectedInt16 *p = (const FullyConnectedInt16 *)params;

    for (int32_t row = 0; row < p->rows; row++, input += p->depth) {
        const int8_t *weights = (const int8_t *)tensors[1];
        for (int32_t o = 0; o < p->outputs; o++, weights += p->depth) {
            const int64_t total = with_bias(dot_int16(input, weights, p->depth), tensors[2], o);
            const int32_t scaled = scale(total, tensors[3], shift, o);
            *output++ = (int16_t)ek_clamp(scaled, p->lowest, p->highest);
        }
    }
}

/* tensors: input, weights, bias int64 [outputs], multiplier int64 [outputs], shift int32 [outputs],
 * output int16 [rows][outputs]. */
void ek_fully_connected_int16_once(const int32_t *params, void *const *tensors)
{
    dense_int16(params, tensors, add_wide, scale_exact);
}

/* tensors: as above with bias int32 [outputs]. */
void ek_fully_connected_int16_narrow_once(const int32_t *params, void *const *tensors)
{
    dense_int16(params, tensors, add_narrow, scale_exact);
}

/* tensors: as the first with multiplier int32 [outputs]. */
void ek_fully_connected_int16_reduced_once(const int32_t *params, void *const *tensors)
{
    dense_int16(params, tensors, add_wide, scale_reduced);
}

/* tensors: as the first with bias and multiplier int32 [outputs]. */
void ek_fully_connected_int16_narrow_twice(const int32_t *params, void *const *tensors)
{
    dense_int16(params, tensors, add_narrow, scale_twice);
}
