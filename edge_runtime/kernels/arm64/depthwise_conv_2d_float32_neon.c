/* DEPTHWISE_CONV_2D of float32 for aarch64. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_ARM64
#define TARGET /* what all have */
#define KERNEL ek_depthwise_conv_2d_float32_neon

enum { LANES = 4 };

#include "../x86/depthwise_conv_2d_float32.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
