/* What the host does around the firmware where QEMU emulates the core: QEMU's semihosting reads the
 * file "inputs" and writes "outputs", and a clock of the machine, which -icount moves by 128 ns an
 * instruction, counts. It lies beside the flash and RAM that are measured, in section .host, and
 * uses a stack of its own.
 *
 * outputs: ticks from reset to the first input; then for each input the ticks of the inference,
 * those at each EK_STEP, and the output; last, the RAM that the stack may use. */
#include "under_test.h"

#include <stddef.h>
#include <stdint.h>

#define HOST __attribute__((used, noinline, section(".host.code")))
#define HOST_DATA __attribute__((used, section(".host.data")))

enum { OPEN = 1, WRITE = 5, READ = 6, EXIT = 24 };
enum { FINISHED = 0x20026, FAILED = 0x20024 };
enum { READ_BYTES = 1, WRITE_BYTES = 5 };

#ifndef EK_INPUT_PLACE
extern EK_INPUT ek_input[EK_INPUT_SIZE];
#define EK_INPUT_PLACE ek_input
#endif
#ifndef EK_OUTPUT_PLACE
extern EK_OUTPUT ek_output[EK_OUTPUT_SIZE];
#define EK_OUTPUT_PLACE ek_output
#endif
extern uint8_t ek_bss_end[], ek_stack[];

/* The assembly reads the first two. */
HOST_DATA struct {
    uint32_t link, pointer; /* registers of who called ek_next */
    uint32_t left;          /* the clock when ek_next returned */
    uint32_t files[2];
    uint32_t steps; /* EK_STEPs that the firmware has */
    uint32_t stack[256];
} ek_host;
HOST_DATA volatile uint32_t ek_ticks[EK_STEPS + 1];

/* Names are data of the host's, too: literals would be measured. */
HOST_DATA char ek_host_names[][8] = {"inputs", "outputs", "fault"};

HOST static uint32_t ek_semihost(uint32_t operation, const void *arguments)
{
#if defined(__arm__)
    register uint32_t number __asm__("r0") = operation;
    register const void *block __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(number) : "r"(block) : "memory");
#else
    register uint32_t number __asm__("a0") = operation;
    register const void *block __asm__("a1") = arguments;
    __asm__ volatile(".option push\n\t.option norvc\n\t.balign 16\n\t"
                     "slli zero, zero, 0x1f\n\tebreak\n\tsrai zero, zero, 7\n\t.option pop"
                     : "+r"(number)
                     : "r"(block)
                     : "memory");
#endif
    return number;
}

HOST static uint32_t ek_host_open(uint32_t name, uint32_t mode, uint32_t length)
{
    const uint32_t arguments[] = {(uint32_t)(uintptr_t)ek_host_names[name], mode, length};
    return ek_semihost(OPEN, arguments);
}

HOST static uint32_t ek_host_move(uint32_t operation, uint32_t file, const volatile void *data,
                                  size_t size)
{
    const uint32_t arguments[] = {file, (uint32_t)(uintptr_t)data, (uint32_t)size};
    return ek_semihost(operation, arguments);
}

HOST static void ek_host_exit(uint32_t reason)
{
    for (;;)
        ek_semihost(EXIT, (const void *)(uintptr_t)reason);
}

/* Writes the address of an instruction that cannot run. */
HOST void ek_host_fault(uint32_t address)
{
    ek_host_move(WRITE, ek_host_open(2, WRITE_BYTES, 5), &address, sizeof address);
    ek_host_exit(FAILED);
}

/* Gives the output away and gets the next input. */
HOST void ek_host_exchange(uint32_t clock)
{
    uint32_t ticks = clock - ek_host.left;
    if (ek_host.left == 0) {
        ek_host.files[0] = ek_host_open(0, READ_BYTES, 6);
        ek_host.files[1] = ek_host_open(1, WRITE_BYTES, 7);
        ek_host_move(WRITE, ek_host.files[1], &ticks, sizeof ticks);
    } else {
        ek_host_move(WRITE, ek_host.files[1], &ticks, sizeof ticks);
        ek_host_move(WRITE, ek_host.files[1], ek_ticks, 4 * EK_STEPS);
        ek_host_move(WRITE, ek_host.files[1], EK_OUTPUT_PLACE,
                     EK_OUTPUT_SIZE * sizeof(EK_OUTPUT));
    }
    if (ek_host_move(READ, ek_host.files[0], EK_INPUT_PLACE,
                     EK_INPUT_SIZE * sizeof(EK_INPUT))) {
        ek_host_move(WRITE, ek_host.files[1], ek_bss_end, (size_t)(ek_stack - ek_bss_end));
        ek_host_exit(FINISHED);
    }
}

/* Between the clock's two values lie four instructions of ek_next and those of the inference. */
#if defined(__arm__)
__asm__(".section .host.code, \"ax\"\n"
        ".balign 4\n"
        ".thumb\n"
        ".globl ek_next\n"
        ".type ek_next, %function\n"
        ".thumb_func\n"
        "ek_next:\n"
        "ldr r0, =0x49302018\n" /* the counter of the FPGA's I/O block, 20 MHz */
        "ldr r0, [r0]\n"
        "ldr r1, =ek_host\n"
        "str lr, [r1]\n"
        "str sp, [r1, #4]\n"
        "ldr sp, =ek_host + 24 + 1024\n"
        "bl ek_host_exchange\n"
        "ldr r1, =ek_host\n"
        "ldr r0, [r1, #4]\n"
        "mov sp, r0\n"
        "ldr lr, [r1]\n"
        "ldr r0, =0x49302018\n"
        "ldr r0, [r0]\n"
        "str r0, [r1, #8]\n"
        "bx lr\n"
        ".globl ek_fault\n"
        ".type ek_fault, %function\n"
        ".thumb_func\n"
        "ek_fault:\n"
        "ldr r0, [sp, #24]\n"
        "ldr sp, =ek_host + 24 + 1024\n"
        "bl ek_host_fault\n"
        ".ltorg\n"
        ".text\n");
#else
__asm__(".section .host.code, \"ax\"\n"
        ".balign 4\n"
        ".globl ek_next\n"
        ".type ek_next, @function\n"
        "ek_next:\n"
        "lui a0, 0x200c\n" /* mtime of the CLINT, 10 MHz */
        "lw a0, -8(a0)\n"
        "la a1, ek_host\n"
        "sw ra, 0(a1)\n"
        "sw sp, 4(a1)\n"
        "addi sp, a1, 24 + 1024\n"
        "call ek_host_exchange\n"
        "la a1, ek_host\n"
        "lw sp, 4(a1)\n"
        "lw ra, 0(a1)\n"
        "lui a0, 0x200c\n"
        "lw a0, -8(a0)\n"
        "sw a0, 8(a1)\n"
        "ret\n"
        ".globl ek_fault\n"
        ".type ek_fault, @function\n"
        ".balign 4\n"
        "ek_fault:\n"
        "csrr a0, mepc\n"
        "la a1, ek_host\n"
        "addi sp, a1, 24 + 1024\n"
        "call ek_host_fault\n"
        ".text\n");
#endif
