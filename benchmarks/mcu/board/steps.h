/* Names the address of each step of the model: a label, and no instruction. %= is a different number
 * for each place where the compiler emits it. */
#define EK_STEP(index) __asm__ volatile("ek_step_" #index "_%=:" ::: "memory");
