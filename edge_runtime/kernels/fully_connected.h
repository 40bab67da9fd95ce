/* Parameters of the kernels of FULLY_CONNECTED, in all their variants; the same in
 * fully_connected.py. */
#ifndef EK_FULLY_CONNECTED_H
#define EK_FULLY_CONNECTED_H

#include <stdint.h>

typedef struct {
    int32_t rows, depth, outputs, output_zero_point, lowest, highest;
} FullyConnectedInt8;

/* The zero points are 0. */
typedef struct {
    int32_t rows, depth, outputs, lowest, highest;
} FullyConnectedInt16;

/* The bounds are the bits of floats. */
typedef struct {
    int32_t rows, depth, outputs, lowest, highest;
} FullyConnectedFloat32;

#endif
