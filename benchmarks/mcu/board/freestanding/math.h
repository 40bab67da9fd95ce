/* For infinite constants; a freestanding compiler has no math.h. */
#ifndef EK_MATH_H
#define EK_MATH_H

#define INFINITY (__builtin_inff())

#endif
