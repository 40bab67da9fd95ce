/* CONV_2D of int8 for aarch64: what its levels share. The file that includes this defines TARGET
 * before it and KERNEL(rounding), MOST and tile() behind it, and then includes
 * ../x86/conv_2d_int8.h. */
#ifndef EK_ARM64_CONV_2D_INT8_H
#define EK_ARM64_CONV_2D_INT8_H

#include "conv_2d_bands.h"
#include "int8_bytes.h"
#include "int8_vectors.h"

/* The biases of outputs, four in each vector. */
INLINE int32x4_t biases(const char *head, int32_t vector)
{
    return four_at(head + vector / 2 * EK_COLUMNS * 4 * LANES + vector % 2 * 16);
}

/* Whether the next 16 bytes of a window lie side by side. */
INLINE int32_t are_side_by_side(const int32_t *offsets, size_t chunks)
{
    return chunks >= 4 && offsets[1] - offsets[0] == EK_CHUNK &&
           offsets[2] - offsets[0] == 2 * EK_CHUNK && offsets[3] - offsets[0] == 3 * EK_CHUNK;
}

#define TILE_IS_OF_THE_LEVEL

#endif
