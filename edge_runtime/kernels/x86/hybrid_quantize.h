/* Images of float32 quantised to bytes, with vectors of any width. The file that includes this
 * defines TARGET, QUANTIZE, the function's name, LANES, Floats, V(name), an intrinsic of their
 * width, least(), the least number of a vector, and load_some(from, count) and store_some(to,
 * whole, count), of as many as there are of a vector; of floats that are missing it loads 0. */
#include "hybrid.h"
#include "hybrid_bytes.h"

TARGET EkQuantized QUANTIZE(const float *numbers, ptrdiff_t count, int32_t asymmetric,
                            int8_t *bytes)
{
    Floats lows = V(setzero_ps)(), highs = lows;
    for (ptrdiff_t i = 0; i < count; i += LANES) { /* of NaN and a bound, they give the bound */
        const Floats some = load_some(numbers + i, count - i);
        lows = V(min_ps)(some, lows);
        highs = V(max_ps)(some, highs);
    }
    const float low = least(lows), high = -least(V(sub_ps)(V(setzero_ps)(), highs));
    if (low == high) {
        const EkQuantized zeros = {1, 0};
        memset(bytes, 0, (size_t)count);
        return zeros;
    }
    const EkHybrid hybrid = ek_hybrid(low, high, asymmetric);
    const EkQuantized quantized = {hybrid.scale, 127 - (int32_t)hybrid.high_end};
    const Floats inverse = V(set1_ps)(hybrid.inverse);
    const Floats low_end = V(set1_ps)(hybrid.low_end), high_end = V(set1_ps)(hybrid.high_end);
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        Floats value = V(mul_ps)(load_some(numbers + i, count - i), inverse);
        value = V(min_ps)(V(max_ps)(value, low_end), high_end);
        const Floats sign = V(and_ps)(value, V(set1_ps)(-0.0f));
        value = V(add_ps)(value, V(or_ps)(sign, V(set1_ps)(0.5f)));
        store_some(bytes + i,
                   V(add_epi32)(V(cvttps_epi32)(value), V(set1_epi32)(quantized.zero_point)),
                   count - i);
    }
    return quantized;
}
