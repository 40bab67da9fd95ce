/* DEPTHWISE_CONV_2D of float32 with AVX2. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#define TARGET __attribute__((target("avx2")))
#define KERNEL ek_depthwise_conv_2d_float32_avx2

enum { LANES = 8 };

#include "depthwise_conv_2d_float32.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
