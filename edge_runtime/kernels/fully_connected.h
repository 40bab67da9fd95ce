/* Parameters of FULLY_CONNECTED: the records of fully_connected.py, and those with what the packers
 * of some variants append. */
#ifndef EK_FULLY_CONNECTED_H
#define EK_FULLY_CONNECTED_H

#include <stdint.h>

typedef struct {
    int32_t rows, depth, outputs, output_zero_point, lowest, highest;
} FullyConnectedInt8;

typedef struct {
    int32_t rows, depth, outputs, output_zero_point, lowest, highest;
    int32_t input_zero_point; /* a hint to the packers of all variants */
} FullyConnectedInt8Skip;

typedef struct {
    int32_t rows, depth, outputs, output_zero_point, lowest, highest;
    int32_t chunk; /* words of depth of which no sum leaves 24 bits */
} FullyConnectedInt8Dsp;

typedef struct {
    int32_t rows, depth, outputs, output_zero_point, lowest, highest, input_zero_point, chunk;
} FullyConnectedInt8SkipDsp;

typedef struct {
    int32_t rows, depth, outputs, output_zero_point, lowest, highest;
    int32_t ties; /* 0: these layers are rounded once */
} FullyConnectedInt8Helium;

typedef struct {
    int32_t rows, depth, outputs, lowest, highest;
} FullyConnectedInt16;

typedef struct {
    int32_t rows, depth, outputs;
    float lowest, highest;
} FullyConnectedFloat32;

/* Products of a float32 sum that are added one after another; PART of fully_connected.py. */
enum { EK_PART = 128 };

#endif
