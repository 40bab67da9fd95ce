/* How the kernels of conv_2d_pairs.h call what is the same for all of them. */
#ifndef EK_CONV_2D_PAIRS_RUN_H
#define EK_CONV_2D_PAIRS_RUN_H

#include "conv_2d.h"

/* Outputs of a block of weights, and the rows of numbers that precede them in it. */
enum { EK_PAIRS_WIDTH = 16, EK_PAIRS_HEADS = 2 };

typedef enum { EK_PAIRS_SYMMETRIC, EK_PAIRS_ASYMMETRIC } EkPairs;

/* Writes the outputs of one block at some positions, of which ``count`` exist, and of which
 * ``left`` outputs do. step: of the quantised image. */
typedef void ek_pairs_tile(const Conv2D *p, EkPairs kind, float step, const int16_t *windows,
                           int32_t pairs, const int32_t *block, int32_t count, int32_t left,
                           float *output);

/* A kernel whose tile is of ``many`` positions. scratch: windows int16 [EK_TILE][pairs][2], then an
 * image in int16. */
void ek_run_conv_2d_pairs(EkPairs kind, const int32_t *params, void *const *tensors,
                          ek_pairs_tile *tile, int32_t many);

#endif
