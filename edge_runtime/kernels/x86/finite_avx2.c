/* finite for AVX2: the portable code, for vectors twice as wide. */
#define EK_AVX2
#include "kernel.h"

#ifdef EK_X86
#include "../finite.c"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
