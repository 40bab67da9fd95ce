/* Sums of int8 layers to outputs, with the vectors of int8_zmm.h or int8_ymm.h. The file that includes
 * this defines WIDE, the most vectors of a position at once. */
#include "rescaling.h"

/* Only some levels flip the bytes of uint8. */
#ifdef FLIPS
#define COPY(to, from, count, flip) copy(to, from, count, flip)
#else
#define COPY(to, from, count, flip) copy(to, from, count)
#endif

/* Stores the outputs of so many positions, "left" of each, "pitch" apart, from one vector of sums of
 * each position, or WIDE. Behind them there are further ones, up to a multiple of four. */
typedef void rescaler(const Vector *sums, int32_t count, const char *head, int32_t left,
                      const Bounds *bounds, int8_t *output, ptrdiff_t pitch);

/* Bytes of an output. */
static inline ptrdiff_t size_of(int32_t mode)
{
    return mode == EK_HYBRID ? sizeof(float) : 1;
}

#define RESCALER(name, rescaled, wide)                                                             \
    TARGET static void name(const Vector *sums, int32_t count, const char *head, int32_t left,     \
                            const Bounds *bounds, int8_t *output, ptrdiff_t pitch)                 \
    {                                                                                              \
        const int32_t there = left < wide * LANES ? left : wide * LANES, each = 4 / wide;          \
        Head heads[wide];                                                                          \
        UNROLL                                                                                     \
        for (int32_t v = 0; v < wide; v++)                                                         \
            heads[v] = head_at(head + v * EK_COLUMNS * 4 * LANES);                                 \
        for (int32_t i = 0; i < count; i += each, sums += 4, output += each * pitch) {             \
            Vector four[4];                                                                        \
            UNROLL                                                                                 \
            for (int32_t v = 0; v < 4; v++)                                                        \
                four[v] = rescaled(sums[v], &heads[v % wide], bounds);                             \
            store(wide, packed(four, bounds), count - i, there, output, pitch);                    \
        }                                                                                          \
    }

#if WIDE == 2 && !defined(TILE_IS_OF_THE_LEVEL)
#define IF_ONCE(...) __VA_ARGS__
#else
#define IF_ONCE(...) /* that of FULLY_CONNECTED alone, on x86 */
#endif
#ifdef HYBRID
#include "int8_hybrid.h"
#define IF_HYBRID(...) __VA_ARGS__
#else
#define IF_HYBRID(...)
#endif

/* The rescalers of all modes, and their table's rows. */
#define RESCALERS(size, wide)                                                                      \
    RESCALER(above_##size, rescaled_above, wide)                                                   \
    RESCALER(either_##size, rescaled_either, wide)                                                 \
    RESCALER(twice_##size, rescaled_twice, wide)                                                   \
    RESCALER(float_##size, rescaled_float, wide)                                                   \
    IF_ONCE(RESCALER(once_##size, rescaled_once, wide))                                            \
    IF_HYBRID(HYBRID_RESCALER(hybrid_##size, wide))
#define BY_MODE(size)                                                                              \
    {[EK_ABOVE] = above_##size,                                                                    \
     [EK_EITHER] = either_##size,                                                                  \
     [EK_TWICE] = twice_##size,                                                                    \
     [EK_FLOAT] = float_##size,                                                                    \
     IF_ONCE([EK_ONCE] = once_##size, ) IF_HYBRID([EK_HYBRID] = hybrid_##size, )}

/* Files with the same vectors share the rescalers of one vector, ONES, and of two, WIDES, if they
 * define these names; the one that has them defines SHARED, too. */
#ifdef ONES
extern rescaler *const ONES[];
#endif
#ifdef WIDES
extern rescaler *const WIDES[];
#endif
#ifdef SHARED
RESCALERS(one, 1)
RESCALERS(wide, WIDE)
rescaler *const ONES[] = BY_MODE(one);
rescaler *const WIDES[] = BY_MODE(wide);
#endif
#ifndef ONES
#define ONES ones
RESCALERS(one, 1)
static rescaler *const ONES[] = BY_MODE(one);
#endif
#ifndef WIDES
#define WIDES wides
RESCALERS(wide, WIDE)
static rescaler *const WIDES[] = BY_MODE(wide);
#endif

/* By mode, and whether positions have WIDE vectors. */
static inline rescaler *rescaler_of(int32_t mode, int32_t wide)
{
    return (wide ? WIDES : ONES)[mode];
}
