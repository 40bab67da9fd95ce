/* How packers of int8 layers write the numbers of rescaling.h. */
#ifndef EK_PACKING_RESCALING_H
#define EK_PACKING_RESCALING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "rescaling.h"

/* How the sums of an output are rescaled. */
typedef struct {
    int64_t bound;               /* no sum of the output, with its bias, is further from 0 */
    int32_t bias, factor, shift; /* of the kernel; the bias for the inputs that the variant reads */
    int32_t addend;              /* with HYBRID, the float bias; the shift is the weights' sum then */
} Output;

/* How a kernel rounds: as ek_rescale_once, as ek_rescale_twice, a float, halves to even, or not. */
enum { ONCE, TWICE, FLOAT, HYBRID };

/* Output o of a layer, whose weights have this sum, and this one without signs, for inputs that are
 * "added" more than the kernel's. tensors: bias, factor and shift are the last. */
static inline Output output_for(int64_t sum, int64_t size, int32_t added, void *const *tensors,
                                size_t o, int rounding)
{
    const int32_t bias = ((const int32_t *)tensors[2])[o];
    const uint32_t whole = rounding == HYBRID ? 0 : (uint32_t)bias;
    const Output output = {
        .bound = 255 * size + (bias < 0 ? -(int64_t)bias : bias),
        .bias = (int32_t)(whole - (uint32_t)(uint64_t)(sum * added)),
        .factor = ((const int32_t *)tensors[3])[o],
        .shift = rounding < FLOAT ? ((const int32_t *)tensors[4])[o]
                 : rounding == HYBRID ? (int32_t)sum : 0,
        .addend = bias,
    };
    return output;
}

/* The mode of layers that are not rescaled by multipliers, or else "mode". */
static inline int32_t mode_of(int rounding, int32_t mode)
{
    return rounding == FLOAT ? EK_FLOAT : rounding == HYBRID ? EK_HYBRID : mode;
}

/* Sums that one floor rescales: neither the product, which is doubled, nor the numerator leave
 * int64. */
enum { MOST_RIGHT = 22 };
static const int64_t MOST_SUM = ((int64_t)1 << 30) - 1;

/* Whether the output is the zero point for all sums. */
static inline int vanishes(Output output)
{
    return output.shift < -MOST_RIGHT && output.bound < (int64_t)1 << (MOST_RIGHT - 1);
}

/* The way to rescale the sums of all outputs so far, of which "mode" rescales those before: if
 * they do not fit, as the kernel does it, "any". */
static inline int32_t mode_for(Output output, int32_t mode, int32_t any)
{
    const int fits = output.factor >= 0 && output.shift < 0 && output.shift >= -MOST_RIGHT;
    const int none = output.factor == 0 || vanishes(output);
    return (fits || none) && output.bound <= MOST_SUM ? mode : any;
}

/* Whether SQRDMULH, for any sum, could saturate where ek_rescale_twice wraps. */
static inline int saturates(const int32_t *factors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (factors[i] == INT32_MIN)
            return 1;
    return 0;
}

/* Writes the numbers of an output, lane of a vector of "lanes" whose numbers begin at head. */
static inline void put_head(int32_t mode, int rounding, Output output, int32_t zero_point,
                            size_t lanes, size_t lane, int32_t *head)
{
    const int any = mode == EK_TWICE || mode == EK_ONCE;
    const int none = !any && (output.factor == 0 || vanishes(output));
    const int32_t left = output.shift > 0 ? output.shift : 0;
    const int32_t right = none ? 1 : left ? 0 : -output.shift;
    int64_t added = 0;
    head[lane + EK_BIAS * lanes] = output.bias;
    if (mode == EK_HYBRID) {
        head[lane + EK_MULTIPLIER * lanes] = output.factor;
        head[lane + EK_ADDEND * lanes] = output.addend;
        head[lane + EK_SHIFT * lanes] = output.shift;
        return;
    }
    head[lane + EK_MULTIPLIER * lanes] = none ? 0 : output.factor;
    head[lane + EK_SHIFT * lanes] = mode == EK_ONCE    ? 31 - output.shift
                                    : mode == EK_ABOVE ? right - 1
                                                       : right;
    if (mode == EK_TWICE) {
        head[lane + EK_ROUNDING * lanes] = left;
        return;
    }
    if (mode == EK_ONCE)
        added = (int64_t)1 << (30 - output.shift);
    else if (mode != EK_FLOAT) {
        added = (rounding == ONCE ? 0 : (int64_t)1 << 30) + ((int64_t)1 << (30 + right));
        added += (int64_t)zero_point * ((int64_t)1 << (31 + right));
        added *= mode == EK_EITHER ? 2 : 1;
    }
    /* Of even lanes, then of odd ones. */
    memcpy((char *)(head + EK_ROUNDING * lanes) + (lane % 2 * lanes / 2 + lane / 2) * sizeof added,
           &added, sizeof added);
}

#endif
