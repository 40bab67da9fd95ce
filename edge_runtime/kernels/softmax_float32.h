/* Parameters of SOFTMAX of float32, a record of softmax.py, and scratch memory of its variants. */
#ifndef EK_SOFTMAX_FLOAT32_H
#define EK_SOFTMAX_FLOAT32_H

#include <stdint.h>

/* Beta is the bits of a float. */
typedef struct {
    int32_t rows, depth, beta;
} SoftmaxFloat32;

/* Numbers that rows are calculated together up to. */
enum { EK_SOFTMAX_BLOCK = 256 };

#endif
