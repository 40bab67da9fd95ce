/* The fused activation of kernels; defined in activation.py. */
#ifndef EK_ACTIVATION_H
#define EK_ACTIVATION_H

#include <stdint.h>

/* The value clamped to the bounds; NaN and -0.0 stay. */
static inline float ek_clamp_float32(float value, float lowest, float highest)
{
    value = value < lowest ? lowest : value;
    return value > highest ? highest : value;
}

/* The bounds of int64; the extremes of int32 are none. */
static inline int64_t ek_clamp_int64(int64_t value, int32_t lowest, int32_t highest)
{
    if (value < lowest && lowest != INT32_MIN)
        return lowest;
    return value > highest && highest != INT32_MAX ? highest : value;
}

#endif
