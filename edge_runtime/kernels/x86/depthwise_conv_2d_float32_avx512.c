/* DEPTHWISE_CONV_2D of float32 with AVX-512. */
#include "kernel.h"

#ifdef EK_X86
#include "float32_avx512.h"

#define DEPTHWISE ek_depthwise_conv_2d_float32_avx512

#include "depthwise_float32.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
