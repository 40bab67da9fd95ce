/* CONV_2D and FULLY_CONNECTED of int8 with AVX2. */
#include "kernel.h"

#ifdef EK_X86
#include "int8_avx2.h"

#define KERNEL(rounding) ek_conv_2d_int8_##rounding##_avx2
#define ROWS_KERNEL ek_fully_connected_int8_once_avx2
enum { MOST = 6 };

#include "conv_2d_int8.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
