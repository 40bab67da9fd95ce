/* SOFTMAX of float32 with AVX-512. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#define KERNEL ek_softmax_float32_avx512
#define LANES 8

#include "softmax_float32_vectors.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
