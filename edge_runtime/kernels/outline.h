/* Functions that fill the registers of a small core, and are smaller where they stand once. */
#ifndef EK_OUTLINE_H
#define EK_OUTLINE_H

#ifdef __GNUC__
#define EK_OUTLINE __attribute__((noinline))
#else
#define EK_OUTLINE
#endif

#endif
