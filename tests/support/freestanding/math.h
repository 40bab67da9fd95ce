/* What constants need of math.h, for compilers without a C library. */
#define INFINITY (__builtin_inff())
