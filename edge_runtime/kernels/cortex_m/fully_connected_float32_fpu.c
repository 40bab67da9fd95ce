/* FULLY_CONNECTED of float32 for Cortex-M cores with an FPU, in assembly, because compilers load one
 * number at a time. */
#include "kernel.h"

#ifdef EK_FPU
#include "fully_connected_float32.h"

#define VFMA(a, b) "vfma.f32 s0, s" #a ", s" #b "\n\t"

static inline float part_on_fpu(const float *input, const float *weights, int32_t count)
{
    register float sum __asm__("s0") = 0;
    __asm__ volatile("subs %[n], #8\n\t"
                     "blt 2f\n"
                     "1:\n\t"
                     "vldm %[x]!, {s16-s23}\n\t"
                     "vldm %[w]!, {s24-s31}\n\t" VFMA(16, 24) VFMA(17, 25) VFMA(18, 26)
                     VFMA(19, 27) VFMA(20, 28) VFMA(21, 29) VFMA(22, 30) VFMA(23, 31)
                     "subs %[n], #8\n\t"
                     "bge 1b\n"
                     "2:\n\t"
                     "adds %[n], #8\n\t"
                     "beq 4f\n"
                     "3:\n\t"
                     "vldm %[x]!, {s16}\n\t"
                     "vldm %[w]!, {s24}\n\t" VFMA(16, 24)
                     "subs %[n], #1\n\t"
                     "bne 3b\n"
                     "4:\n\t"
                     : [x] "+r"(input), [w] "+r"(weights), [n] "+r"(count), "+t"(sum)
                     :
                     : "cc", "memory", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23",
                       "s24", "s25", "s26", "s27", "s28", "s29", "s30", "s31");
    return sum;
}

void ek_fully_connected_float32_fpu(const int32_t *params, void *const *tensors)
{
    ek_fully_connected_by_parts(params, tensors, part_on_fpu);
}
#endif
