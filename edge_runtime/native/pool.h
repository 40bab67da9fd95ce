/* Threads that run the parts of a job together with the thread that calls.
 *
 * A job is stages one after another, each of parts that may run at the same time. There are KINDS of
 * jobs, whose numbers of stages and parts are fixed, and jobs of one kind are numbered. A part is
 * claimed by one thread: first by its own, since that is likely to have the data in its cache,
 * otherwise by one that would have to wait for it. So a job never waits for a thread that sleeps,
 * that the system has not given a processor, or that does not exist, as in a forked child; only for
 * one that is in the middle of a part.
 *
 * Everything that a thread reads without having claimed a part belongs to the pool, so that it does
 * no harm if it is late by whole jobs: it then finds every part claimed and finished. */
#ifndef EK_POOL_H
#define EK_POOL_H

#include <Python.h>

#if !defined(_WIN32) && defined(__GNUC__)
#define EK_THREADS 1
enum { MOST_THREADS = 64 };
#else
enum { MOST_THREADS = 1 };
#endif

enum { KINDS = 2 };

/* Runs part ``part`` of stage ``stage`` of a job of a kind in thread ``thread`` of the pool. */
typedef void pool_work(void *context, int kind, int stage, int part, int thread);

#ifdef EK_THREADS
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 64 / sizeof(unsigned) }; /* numbers in a line of the cache */

/* Of pauses, which take 10 to 50 ns: how long a thread waits for another one's part before it runs
 * it itself, and for a stage or the next job before it lets others have the processor. */
enum { CLAIM_AFTER = 100, SPINS = 2000 };

typedef struct {
    int stage_count, most_parts;
    int *parts;       /* of each stage */
    Py_ssize_t pitch; /* numbers from one part to the next, a multiple of LINE */
    /* [part][stage]: the last job whose part is claimed or finished. */
    unsigned *claimed, *finished;
} Kind;

typedef struct {
    unsigned joined[LINE]; /* [kind]: the last job that the thread has begun to run */
    struct Pool *pool;
    pthread_t thread;
    int number;
} Worker;

typedef struct Pool {
    unsigned jobs[LINE]; /* [kind]: the number of the newest job */
    Kind kinds[KINDS];
    pool_work *work;
    void *context;
    Worker *workers; /* 0 is the thread that calls */
    int thread_count, running, started, busy;
    unsigned forks; /* of the process that started the threads */
    int sleeping, leaving;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
} Pool;

static unsigned pool_forks; /* forks between the first process and this one */

static void pool_count_fork(void)
{
    pool_forks++;
}

static void pool_watch_forks(void)
{
    pthread_atfork(NULL, NULL, pool_count_fork);
}

static inline void pool_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb"); /* yield does nothing on most cores */
#endif
}

/* Whether a job's part is claimed or finished; the number may be that of a later job. */
static inline int pool_reached(const unsigned *number, unsigned job)
{
    return (int)(__atomic_load_n(number, __ATOMIC_ACQUIRE) - job) >= 0;
}

static int pool_claim(unsigned *claimed, unsigned job)
{
    unsigned before = __atomic_load_n(claimed, __ATOMIC_RELAXED);
    return (int)(before - job) < 0 &&
           __atomic_compare_exchange_n(claimed, &before, job, 0, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/* Runs a part unless another thread has claimed it. */
static void pool_try(Pool *pool, int kind, unsigned job, int stage, int part, int thread)
{
    const Kind *of = &pool->kinds[kind];
    const Py_ssize_t at = part * of->pitch + stage;
    if (!pool_claim(&of->claimed[at], job))
        return;
    pool->work(pool->context, kind, stage, part, thread);
    __atomic_store_n(&of->finished[at], job, __ATOMIC_RELEASE);
}

/* Waits until a part is finished; runs it, and those behind it, if their threads do not. */
static void pool_await(Pool *pool, int kind, unsigned job, int stage, int part, int thread)
{
    const Kind *of = &pool->kinds[kind];
    const unsigned *finished = &of->finished[part * of->pitch + stage];
    const unsigned *joined = &pool->workers[part % pool->thread_count].joined[kind];
    for (int spins = 0; !pool_reached(finished, job);) {
        if (spins == CLAIM_AFTER || (spins < CLAIM_AFTER && !pool_reached(joined, job))) {
            for (int other = part; other < of->parts[stage]; other++)
                pool_try(pool, kind, job, stage, other, thread);
            spins = CLAIM_AFTER;
        }
        if (spins < SPINS) {
            spins++;
            pool_pause();
        } else {
            sched_yield();
        }
    }
}

static void pool_join_in(Pool *pool, int kind, unsigned job, int thread)
{
    const Kind *of = &pool->kinds[kind];
    __atomic_store_n(&pool->workers[thread].joined[kind], job, __ATOMIC_RELEASE);
    for (int stage = 0; stage < of->stage_count; stage++) {
        for (int part = thread; part < of->parts[stage]; part += pool->thread_count)
            pool_try(pool, kind, job, stage, part, thread);
        for (int part = 0; part < of->parts[stage]; part++)
            pool_await(pool, kind, job, stage, part, thread);
    }
}

/* The kind of which there is a newer job than those seen, KINDS for none. */
static int pool_newer(Pool *pool, const unsigned *seen)
{
    int kind = 0;
    while (kind < KINDS && __atomic_load_n(&pool->jobs[kind], __ATOMIC_SEQ_CST) == seen[kind])
        kind++;
    return kind;
}

/* Sleeps until there is a newer job. */
static void pool_sleep(Pool *pool, const unsigned *seen)
{
    pthread_mutex_lock(&pool->mutex);
    __atomic_add_fetch(&pool->sleeping, 1, __ATOMIC_SEQ_CST);
    while (pool_newer(pool, seen) == KINDS && !pool->leaving)
        pthread_cond_wait(&pool->wake, &pool->mutex);
    __atomic_sub_fetch(&pool->sleeping, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&pool->mutex);
}

static void *pool_thread(void *argument)
{
    const Worker *worker = argument;
    Pool *pool = worker->pool;
    unsigned seen[KINDS];
    for (int kind = 0; kind < KINDS; kind++) /* of its own last job: it may have missed the newest */
        seen[kind] = __atomic_load_n(&worker->joined[kind], __ATOMIC_RELAXED);
    for (int spins = 0; !__atomic_load_n(&pool->leaving, __ATOMIC_ACQUIRE); spins++) {
        const int kind = pool_newer(pool, seen);
        if (kind < KINDS) {
            seen[kind] = __atomic_load_n(&pool->jobs[kind], __ATOMIC_ACQUIRE);
            pool_join_in(pool, kind, seen[kind], worker->number);
            spins = 0;
        } else if (spins < SPINS) {
            pool_pause();
        } else {
            pool_sleep(pool, seen);
            spins = 0;
        }
    }
    return NULL;
}

static void pool_close_kind(Kind *kind)
{
    free(kind->parts);
    free(kind->claimed);
    free(kind->finished);
}

/* Starts the threads: as many as there can be. Signals are for the threads of Python. */
static void pool_start(Pool *pool)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pool->started = 1;
    pool->running = 1;
    while (pool->running < pool->thread_count) {
        Worker *worker = &pool->workers[pool->running];
        if (pthread_create(&worker->thread, NULL, pool_thread, worker))
            break;
        pool->running++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* In a forked child there are no threads, and what they were doing is over. */
static void pool_renew(Pool *pool)
{
    for (int k = 0; k < KINDS; k++) {
        const Kind *kind = &pool->kinds[k];
        for (Py_ssize_t i = 0; i < kind->most_parts * kind->pitch; i++)
            kind->claimed[i] = kind->finished[i] = pool->jobs[k];
        for (int i = 0; i < pool->thread_count; i++)
            pool->workers[i].joined[k] = pool->jobs[k];
    }
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->forks = pool_forks;
    pool->started = pool->busy = pool->sleeping = 0;
}

/* Whether the caller, who holds the GIL, may run a job; pool_release ends that. */
static int pool_acquire(Pool *pool)
{
    if (pool->forks != pool_forks)
        pool_renew(pool);
    if (pool->busy)
        return 0;
    if (!pool->started)
        pool_start(pool);
    return pool->busy = 1;
}

static void pool_release(Pool *pool)
{
    pool->busy = 0;
}

/* Runs a job of a kind; the caller has acquired the pool. */
static void pool_run(Pool *pool, int kind)
{
    const unsigned job = pool->jobs[kind] + 1;
    __atomic_store_n(&pool->jobs[kind], job, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&pool->sleeping, __ATOMIC_SEQ_CST)) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->mutex);
    }
    pool_join_in(pool, kind, job, 0);
}

/* Ends the threads, and waits for a job of another thread of Python; the caller holds the GIL. */
static void pool_close(Pool *pool)
{
    if (!pool)
        return;
    while (pool->busy && pool->forks == pool_forks) {
        Py_BEGIN_ALLOW_THREADS
        sched_yield();
        Py_END_ALLOW_THREADS
    }
    if (pool->started && pool->forks == pool_forks) {
        pthread_mutex_lock(&pool->mutex);
        __atomic_store_n(&pool->leaving, 1, __ATOMIC_RELEASE);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->mutex);
        for (int i = 1; i < pool->running; i++)
            pthread_join(pool->workers[i].thread, NULL);
    }
    if (pool->forks == pool_forks) {
        pthread_cond_destroy(&pool->wake);
        pthread_mutex_destroy(&pool->mutex);
    }
    for (int i = 0; i < KINDS; i++)
        pool_close_kind(&pool->kinds[i]);
    free(pool->workers);
    free(pool);
}

/* Returns numbers 0 on lines of the cache of their own, NULL without memory. */
static void *pool_lines(size_t size)
{
    void *memory;
    if (posix_memalign(&memory, 64, size + 1))
        return NULL;
    return memset(memory, 0, size + 1);
}

/* parts: of each stage; copied. */
static int pool_open_kind(Kind *kind, int stage_count, const int *parts)
{
    kind->stage_count = stage_count;
    kind->parts = malloc(((size_t)stage_count + 1) * sizeof *parts);
    if (!kind->parts)
        return -1;
    for (int i = 0; i < stage_count; i++) {
        kind->parts[i] = parts[i];
        if (parts[i] > kind->most_parts)
            kind->most_parts = parts[i];
    }
    kind->pitch = (stage_count + (Py_ssize_t)LINE - 1) / LINE * LINE;
    const size_t size = (size_t)(kind->most_parts * kind->pitch) * sizeof(unsigned);
    kind->claimed = pool_lines(size);
    kind->finished = pool_lines(size);
    return kind->claimed && kind->finished ? 0 : -1;
}

/* A pool of as many threads, the caller's included, which start with the first job.
 * stage_counts and parts: of each kind. NULL without memory. */
static Pool *pool_open(int thread_count, const int *stage_counts, const int *const *parts,
                       pool_work *work, void *context)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, pool_watch_forks);
    Pool *pool = pool_lines(sizeof *pool);
    if (!pool)
        return NULL;
    pool->forks = pool_forks;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->thread_count = thread_count;
    pool->work = work;
    pool->context = context;
    int wrong = !(pool->workers = pool_lines((size_t)thread_count * sizeof *pool->workers));
    for (int i = 0; i < thread_count && !wrong; i++) {
        pool->workers[i].pool = pool;
        pool->workers[i].number = i;
    }
    for (int kind = 0; kind < KINDS && !wrong; kind++)
        wrong = pool_open_kind(&pool->kinds[kind], stage_counts[kind], parts[kind]) < 0;
    if (!wrong)
        return pool;
    pool_close(pool);
    return NULL;
}

#endif

#endif
