/* Vectors of float32 of any aarch64. */
#ifndef EK_FLOAT32_NEON_H
#define EK_FLOAT32_NEON_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#define TARGET /* what all have */

enum { LANES = 4, REGISTERS = 32 };

typedef float32x4_t Vector;

#define SPLAT(x) vdupq_n_f32(x)
#define FUSED(a, b, c) vfmaq_f32(c, a, b)
#define CLAMPED(values, lowest, highest) clamped(values, lowest, highest)
#define STORE(to, values, lanes) store(to, values, lanes)

/* ek_clamp_float32; minimum and maximum treat zeros and NaN otherwise. */
static inline Vector clamped(Vector values, Vector lowest, Vector highest)
{
    values = vbslq_f32(vcltq_f32(values, lowest), lowest, values);
    return vbslq_f32(vcgtq_f32(values, highest), highest, values);
}

static inline void store(float *to, Vector values, int32_t lanes)
{
    if (lanes == LANES)
        vst1q_f32(to, values);
    else
        memcpy(to, &values, (size_t)lanes * sizeof *to);
}

#endif
