/* The fused activation of float32 kernels; defined in activation.py. */
#ifndef EK_ACTIVATION_H
#define EK_ACTIVATION_H

/* The value clamped to the bounds; NaN and -0.0 stay. */
static inline float ek_clamp_float32(float value, float lowest, float highest)
{
    value = value < lowest ? lowest : value;
    return value > highest ? highest : value;
}

#endif
