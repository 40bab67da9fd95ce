/* DEPTHWISE_CONV_2D of float32 for aarch64. */
#include "kernel.h"

#ifdef EK_ARM64
#include "float32_neon.h"

#define DEPTHWISE ek_depthwise_conv_2d_float32_neon

#include "../x86/depthwise_float32.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
