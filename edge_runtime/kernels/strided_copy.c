/* Bytes of a tensor in another order; the meaning is defined in strided_copy.py. */
#define EK_ROLLED
#include "kernel.h"

#include "strided_copy.h"

EK_STRIDED_COPY(EK(strided_copy), ek_copy_plane)
