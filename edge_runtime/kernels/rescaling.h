/* How vector kernels rescale sums of int8 to outputs: what the packers write, and the kernels read.
 *
 * ek_rescale_twice rounds to y = floor((sum * multiplier + 2^30) / 2^31), and y / 2^right with halves
 * away from zero. By the identity floor((floor(a / b) + c) / d) = floor((a + b * c) / (b * d)), that
 * is one floor for outputs above the zero point, which an activation such as RELU keeps alone:
 *
 *     floor((sum * multiplier + 2^30 + 2^(30 + right)) / 2^(31 + right))
 *
 * and the same less 2^31 in the numerator where the sum is negative. The output's zero point times
 * the denominator is added to the numerator too. A packer sees whether the numbers of a layer fit. */
#ifndef EK_RESCALING_H
#define EK_RESCALING_H

#include <stdint.h>

/* EK_ABOVE: outputs at or above the zero point, by one floor; all outputs, where they are rounded
 * once. EK_EITHER: of either side, the numerator doubled. EK_TWICE and EK_ONCE: as
 * ek_rescale_twice and ek_rescale_once, for any numbers. EK_FLOAT: by a float factor. EK_HYBRID: to
 * float32, where inputs are quantised at run time. */
enum { EK_ABOVE, EK_EITHER, EK_TWICE, EK_ONCE, EK_FLOAT, EK_HYBRID };

/* Numbers of an output, each a vector of int32, one behind the other; the rounding is two vectors
 * of int64, of the outputs with an even and with an odd number in the vector. */
enum {
    EK_BIAS,
    EK_MULTIPLIER,       /* or the float factor */
    EK_ROUNDING,         /* what is added to the product; with EK_TWICE, the shift to the left */
    EK_ADDEND = 2,       /* with EK_HYBRID, the float bias */
    EK_SHIFT = 4,        /* to the right; with EK_HYBRID, the sum of the weights */
    EK_COLUMNS,
};

#endif
