/* Hides instruction sets from libraries that this process loads later: CPUID faults, and the handler
 * of the fault answers without their bits. For Linux on x86-64. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { ARCH_SET_CPUID = 0x1012, FEATURES = 7 /* the leaf that has all of the bits below */ };

/* What each level hides besides what those before it hide. */
enum { AMX = 1, AVX512 = 2, AVX_VNNI = 3 };

typedef struct {
    unsigned level, subleaf, ebx, ecx, edx, eax;
} Hidden;

#define BIT(n) (1u << (n))
static const Hidden HIDDEN[] = {
    {AMX, 0, 0, 0, BIT(22) | BIT(24) | BIT(25), 0},
    {AMX, 1, 0, 0, BIT(8), BIT(21)},
    /* F, DQ, IFMA, CD, BW, VL; VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ; VP2INTERSECT, FP16; BF16; AVX10 */
    {AVX512, 0, BIT(16) | BIT(17) | BIT(21) | BIT(28) | BIT(30) | BIT(31),
     BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14), BIT(8) | BIT(23), 0},
    {AVX512, 1, 0, 0, BIT(19), BIT(5)},
    /* VNNI, IFMA; VNNI-INT8, NE-CONVERT, VNNI-INT16 */
    {AVX_VNNI, 1, 0, 0, BIT(4) | BIT(5) | BIT(10), BIT(4) | BIT(23)},
};

static unsigned hidden_level;

static long let_cpuid(int run)
{
    return syscall(SYS_arch_prctl, ARCH_SET_CPUID, run);
}

static void answer(int number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *instruction = (const uint8_t *)registers[REG_RIP];
    (void)info;
    if (instruction[0] != 0x0f || instruction[1] != 0xa2) { /* a fault of another kind: run into it */
        signal(number, SIG_DFL);
        return;
    }
    const unsigned leaf = (unsigned)registers[REG_RAX], subleaf = (unsigned)registers[REG_RCX];
    unsigned eax, ebx, ecx, edx;
    let_cpuid(1);
    __cpuid_count(leaf, subleaf, eax, ebx, ecx, edx);
    let_cpuid(0);
    for (size_t i = 0; i < sizeof HIDDEN / sizeof *HIDDEN; i++) {
        const Hidden *hidden = &HIDDEN[i];
        if (leaf == FEATURES && subleaf == hidden->subleaf && hidden->level <= hidden_level) {
            eax &= ~hidden->eax;
            ebx &= ~hidden->ebx;
            ecx &= ~hidden->ecx;
            edx &= ~hidden->edx;
        }
    }
    registers[REG_RAX] = (greg_t)eax;
    registers[REG_RBX] = (greg_t)ebx;
    registers[REG_RCX] = (greg_t)ecx;
    registers[REG_RDX] = (greg_t)edx;
    registers[REG_RIP] += 2;
}

/* Returns 0, or why it is not possible, as errno has it. */
int hide(unsigned level)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = answer;
    action.sa_flags = SA_SIGINFO;
    hidden_level = level;
    if (sigaction(SIGSEGV, &action, NULL) || let_cpuid(0))
        return errno;
    return 0;
}
