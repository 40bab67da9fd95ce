/* CONV_2D and FULLY_CONNECTED of float32 with AVX2. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include "float32_avx2.h"

#define CONV_2D ek_conv_2d_float32_avx2
#define FULLY_CONNECTED ek_fully_connected_float32_avx2

/* Heights of tiles that are 1, 2, 4 and 8 vectors wide: 12 sums. */
#define HIGHS_1 UP_TO_12
#define HIGHS_2 UP_TO_6
#define HIGHS_4 UP_TO_3
#define HIGHS_8 UP_TO_1

#include "gemm_float32.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
