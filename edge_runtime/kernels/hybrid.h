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
    const float size = high > -low ? high : -low;
    float scale = size / 127, inverse = 127 / size, least = -127;
    int32_t zero_point = 0;
    if (asymmetric) {
        const double step = (double)(high - low) / 255;
        scale = (float)step;
        inverse = 1 / scale;
        least = -128;
        zero_point = ek_hybrid_zero_point(low, high, step);
    }
    const float low_end = least - (float)zero_point, high_end = (float)(127 - zero_point);
    for (int32_t i = 0; i < count; i++) {
        float value = numbers[i] * inverse;
        value = value > low_end ? value : low_end; /* what is not a number, too */
        value = value < high_end ? value : high_end;
        quantized[i] = (int16_t)(int32_t)(value < 0 ? value - 0.5f : value + 0.5f);
    }
    return scale;
}

#endif
