/* Sums of int8 to outputs of float32, of layers with int8 weights, in the vectors of int8_zmm.h or
 * int8_ymm.h; in the order in which the portable kernels multiply. */
#include "float_bits.h"
#include "hybrid_bytes.h"

/* Of an image, whose scale is multiplied with those of the outputs first, or last. The layer's
 * bounds are bits of floats. */
INLINE Bounds hybrid_bounds(EkQuantized image, int32_t scaled_first, const int32_t *lowest,
                            const int32_t *highest)
{
    Bounds bounds = bounds_of(0, 0, image.zero_point);
    bounds.low = V(set1_ps)(ek_float(lowest));
    bounds.high = V(set1_ps)(ek_float(highest));
    *(scaled_first ? &bounds.before : &bounds.behind) = V(set1_ps)(image.scale);
    return bounds;
}

/* A rescaler of "wide" vectors of a position. */
INLINE void hybrid_outputs(const int32_t wide, const Vector *sums, int32_t count, const char *head,
                           int32_t left, const Bounds *bounds, int8_t *output, ptrdiff_t pitch)
{
    for (int32_t v = 0; v < wide; v++, head += EK_COLUMNS * 4 * LANES, left -= LANES) {
        const Floats bias = (Floats)load(head + EK_ADDEND * 4 * LANES);
        const Floats scale = (Floats)load(head + EK_MULTIPLIER * 4 * LANES);
        const Floats factor = V(mul_ps)(scale, bounds->before);
        const Vector beyond = V(mullo_epi32)(load(head + EK_SHIFT * 4 * LANES), bounds->moved);
        float *to = (float *)(void *)output + v * LANES;
        for (int32_t i = 0; i < count; i++, to += pitch) {
            const Vector sum = V(sub_epi32)(sums[i * wide + v], beyond);
            const Floats product = V(mul_ps)(V(cvtepi32_ps)(sum), factor);
            const Floats value = V(add_ps)(V(mul_ps)(product, bounds->behind), bias);
            /* Of NaN and a bound, they give the second, and the bounds are not NaN. */
            store_floats(to, V(min_ps)(bounds->high, V(max_ps)(bounds->low, value)), left);
        }
    }
}

#define HYBRID_RESCALER(name, wide)                                                                \
    TARGET static void name(const Vector *sums, int32_t count, const char *head, int32_t left,     \
                            const Bounds *bounds, int8_t *output, ptrdiff_t pitch)                 \
    {                                                                                              \
        hybrid_outputs(wide, sums, count, head, left, bounds, output, pitch);                      \
    }
