/* Floats quantised for one multiplication with int8 weights; defined in hybrid.py. */
#ifndef EK_HYBRID_H
#define EK_HYBRID_H

#include <stdint.h>
#include <string.h>

#include "double_bits.h"

/* The zero point of int8 numbers that are to hold those from low to high, a step apart. */
static inline int32_t ek_hybrid_zero_point(double low, double high, double step)
{
    const double below = -low / step, above = high / step;
    const double exact = 128 + below < 127 + above ? below - 128 : 127 - above;
    if (!(exact > -128))
        return -128;
    if (exact >= 127)
        return 127;
    const int32_t whole = (int32_t)exact;
    const double rest = exact - (double)whole;
    (void)sizeof(ek_double_has_64_bits);
    return whole + (rest >= 0.5) - (rest <= -0.5);
}

/* How numbers from low to high are quantised: times the inverse, clamped, rounded half away from 0. */
typedef struct {
    float scale, inverse, low_end, high_end;
} EkHybrid;

/* low is at most 0 and high at least 0, and one of them is not. */
static inline EkHybrid ek_hybrid(float low, float high, int32_t asymmetric)
{
    const float size = high > -low ? high : -low;
    EkHybrid hybrid = {size / 127, 127 / size, -127, 127};
    if (asymmetric) {
        const double step = (double)(high - low) / 255;
        const int32_t zero_point = ek_hybrid_zero_point(low, high, step);
        hybrid.scale = (float)step;
        hybrid.inverse = 1 / hybrid.scale;
        hybrid.low_end = -128.0f - (float)zero_point;
        hybrid.high_end = (float)(127 - zero_point);
    }
    return hybrid;
}

/* Writes the numbers, quantised less their zero point, and returns their scale. */
static inline float ek_quantize_hybrid(const float *numbers, int32_t count, int32_t asymmetric,
                                       int16_t *quantized)
{
    float low = 0, high = 0;
    for (int32_t i = 0; i < count; i++) {
        low = numbers[i] < low ? numbers[i] : low;
        high = numbers[i] > high ? numbers[i] : high;
    }
    if (low == high) {
        memset(quantized, 0, (size_t)count * sizeof *quantized);
        return 1;
    }
    const EkHybrid hybrid = ek_hybrid(low, high, asymmetric);
    for (int32_t i = 0; i < count; i++) {
        float value = numbers[i] * hybrid.inverse;
        value = value > hybrid.low_end ? value : hybrid.low_end; /* what is not a number, too */
        value = value < hybrid.high_end ? value : hybrid.high_end;
        quantized[i] = (int16_t)(int32_t)(value < 0 ? value - 0.5f : value + 0.5f);
    }
    return hybrid.scale;
}

#endif
