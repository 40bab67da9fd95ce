/* What a constant that is infinite is written with; a freestanding compiler has no header for it. */
#ifndef EK_MATH_H
#define EK_MATH_H

#define INFINITY (__builtin_inff())

#endif
