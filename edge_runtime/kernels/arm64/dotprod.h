/* The target of kernels with the dot products of Armv8.2. */
#if defined(__ARM_FEATURE_DOTPROD)
#define TARGET /* the compiler may use them everywhere */
#elif defined(__clang__)
#define TARGET __attribute__((target("dotprod")))
#else
/* Tuned, because GCC's default order puts each load right before its use. */
#define TARGET __attribute__((target("arch=armv8.2-a+dotprod,tune=cortex-a75")))
#endif
