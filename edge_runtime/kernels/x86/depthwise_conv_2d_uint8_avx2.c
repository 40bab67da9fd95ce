/* DEPTHWISE_CONV_2D of uint8 with AVX2. */
#include "kernel.h"

#ifdef EK_X86
#define UNSIGNED
#include "int8_avx2.h"

#define KERNEL(rounding) ek_depthwise_conv_2d_uint8_##rounding##_avx2

#include "depthwise_conv_2d_int8.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
