/* CONV_2D and FULLY_CONNECTED of float32 for aarch64. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_ARM64
#include "float32_neon.h"

#define CONV_2D ek_conv_2d_float32_neon
#define FULLY_CONNECTED ek_fully_connected_float32_neon

/* Heights of tiles that are 1, 2, 4 and 8 vectors wide: 16 sums, because inputs are in registers,
 * too. */
#define HIGHS_1 UP_TO_12
#define HIGHS_2 UP_TO_8
#define HIGHS_4 UP_TO_4
#define HIGHS_8 UP_TO_1

#include "../x86/gemm_float32.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
