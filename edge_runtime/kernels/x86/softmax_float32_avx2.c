/* SOFTMAX of float32 with AVX2. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#define KERNEL ek_softmax_float32_avx2
#define LANES 4

#include "softmax_float32_vectors.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
