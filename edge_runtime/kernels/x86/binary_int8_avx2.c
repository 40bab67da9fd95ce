/* ADD, SUB and MUL of 8 bits with AVX2. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#define KERNEL(name) ek_##name##_avx2
#define BYTES 32

#include "binary_int8.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
