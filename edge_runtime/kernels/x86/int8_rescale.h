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

#ifdef HYBRID
#include "int8_hybrid.h"
#endif

/* By mode, and whether positions have WIDE vectors: of this file alone, or of all that name them. */
#ifdef SHARED_RESCALERS
extern rescaler *const SHARED_RESCALERS[][2];
#define RESCALERS SHARED_RESCALERS
#define OF_THE_FILE
#else
#define OF_THE_FILE static
#endif

#ifndef RESCALERS_ELSEWHERE
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
RESCALER(above_one, rescaled_above, 1)
RESCALER(above_wide, rescaled_above, WIDE)
RESCALER(either_one, rescaled_either, 1)
RESCALER(either_wide, rescaled_either, WIDE)
RESCALER(twice_one, rescaled_twice, 1)
RESCALER(twice_wide, rescaled_twice, WIDE)
#if WIDE == 2 && !defined(TILE_IS_OF_THE_LEVEL)
RESCALER(once_one, rescaled_once, 1)
RESCALER(once_wide, rescaled_once, WIDE)
#else
#define once_one NULL /* that of FULLY_CONNECTED alone, on x86 */
#define once_wide NULL
#endif
RESCALER(float_one, rescaled_float, 1)
RESCALER(float_wide, rescaled_float, WIDE)

#ifdef HYBRID
#define HYBRIDS , {hybrid_one, hybrid_wide}
HYBRID_RESCALER(hybrid_one, 1)
HYBRID_RESCALER(hybrid_wide, WIDE)
#else
#define HYBRIDS
#endif

OF_THE_FILE rescaler *const RESCALERS[][2] = {{above_one, above_wide},
                                              {either_one, either_wide},
                                              {twice_one, twice_wide},
                                              {once_one, once_wide},
                                              {float_one, float_wide} HYBRIDS};
#endif
