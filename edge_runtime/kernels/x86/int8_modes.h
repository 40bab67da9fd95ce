/* Sums of int8 layers rescaled, in vectors of any width. int8_zmm.h and int8_ymm.h include this, and
 * define before it V(name), an intrinsic of their width, and what differs by more than
 * a name: load(), longs(), high_halves(), low_halves(), shifted() and one_more(). */

INLINE Vector zero(void)
{
    const Vector zeros = {0};
    return zeros;
}

INLINE Vector sum_of(Vector a, Vector b)
{
    return V(add_epi32)(a, b);
}

INLINE Chunk chunk_at(const uint8_t *bytes)
{
    int32_t four;
    memcpy(&four, bytes, sizeof four);
    return V(set1_epi32)(four);
}

/* The numbers of rescaling.h of a vector of outputs. */
typedef struct {
    Vector multiplier, even, odd, right;
} Head;

INLINE Head head_at(const char *head)
{
    const Head numbers = {load(head + EK_MULTIPLIER * 4 * LANES),
                          load(head + EK_ROUNDING * 4 * LANES),
                          load(head + (EK_ROUNDING + 1) * 4 * LANES),
                          load(head + EK_SHIFT * 4 * LANES)};
    return numbers;
}

/* The products of 64 bits of the multipliers and the sums with an even number in the vector. */
INLINE Vector even_products(Vector sum, const Head *h)
{
    return V(mul_epi32)(sum, h->multiplier);
}

/* And with an odd one. */
INLINE Vector odd_products(Vector sum, const Head *h)
{
    return V(mul_epi32)(V(srli_epi64)(sum, 32), V(srli_epi64)(h->multiplier, 32));
}

INLINE Vector numerators(Vector sum, const Head *h)
{
    const Vector even = even_products(sum, h), odd = odd_products(sum, h);
    return high_halves(V(add_epi64)(even, h->even), V(add_epi64)(odd, h->odd));
}

/* Modes of rescaling.h: sums to outputs that are not yet clamped. */
INLINE Vector rescaled_above(Vector sum, const Head *h, const Bounds *bounds)
{
    (void)bounds;
    return V(srav_epi32)(numerators(sum, h), h->right);
}

INLINE Vector rescaled_either(Vector sum, const Head *h, const Bounds *bounds)
{
    (void)bounds;
    const Vector high = numerators(V(add_epi32)(sum, sum), h);
    return V(srav_epi32)(V(add_epi32)(high, V(srai_epi32)(sum, 31)), h->right);
}

/* ek_rescale_twice. */
INLINE Vector rescaled_twice(Vector sum, const Head *h, const Bounds *bounds)
{
    const Vector half = longs((int64_t)1 << 30), one = V(set1_epi32)(1);
    const Vector right = h->right, moved = V(sllv_epi32)(sum, h->even);
    Vector even = even_products(moved, h), odd = odd_products(moved, h);
    even = V(slli_epi64)(V(add_epi64)(even, half), 1);
    odd = V(slli_epi64)(V(add_epi64)(odd, half), 1);
    const Vector high = high_halves(even, odd);
    const Vector mask = V(sub_epi32)(V(sllv_epi32)(one, right), one);
    const Vector threshold = V(add_epi32)(V(srli_epi32)(mask, 1), V(srli_epi32)(high, 31));
    const Vector floor = V(srav_epi32)(high, right);
    return V(add_epi32)(one_more(floor, high & mask, threshold), bounds->moved);
}

/* ek_rescale_once. */
INLINE Vector rescaled_once(Vector sum, const Head *h, const Bounds *bounds)
{
    const Vector even = even_products(sum, h), odd = odd_products(sum, h);
    const Vector right = h->right & longs(0xffffffff);
    const Vector low = shifted(V(add_epi64)(even, h->even), right);
    const Vector high = shifted(V(add_epi64)(odd, h->odd), V(srli_epi64)(h->right, 32));
    return V(add_epi32)(low_halves(low, high), bounds->moved);
}

INLINE Vector rescaled_float(Vector sum, const Head *h, const Bounds *bounds)
{
    const Floats scaled = V(mul_ps)(V(cvtepi32_ps)(sum), (Floats)h->multiplier);
    const Floats bounded = V(min_ps)(bounds->high, V(max_ps)(bounds->low, scaled));
    return V(add_epi32)(V(cvtps_epi32)(bounded), bounds->moved);
}
