/* Runs that several threads share: the steps of one image, in parts, or the images of a batch. */
#ifndef EK_SHARING_H
#define EK_SHARING_H

#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"
#include "session.h"

#ifdef EK_THREADS

enum { IMAGE, BATCH }; /* kinds of jobs */

/* Parts of a batch for each thread, so that one that is late does not delay all by half of them. */
enum { BATCH_PARTS = 4 };

typedef struct {
    Py_ssize_t first, count; /* steps that a thread runs one after another */
    const Step *parts;       /* [part][count] of them; NULL: they are not shared */
} Stage;

typedef struct {
    Py_ssize_t index, port, shift; /* of the pointer; of the input or output; bytes from its start */
} Caller;

typedef struct Sharing {
    const Session *session;
    Pool *pool;
    Py_ssize_t thread_count, stage_count, pointer_count, caller_count, scratch_size;
    int *part_counts; /* of each stage */
    int shares;       /* whether there is a step that threads share */
    Stage *stages;
    Step *parts;
    void **pointers; /* of the parts */
    Caller *callers;
    char *scratch; /* of each part */
    Frame frame;   /* of a single image */
    /* The job of kind BATCH. */
    char *const *ports;
    Py_ssize_t images, unit; /* that are not cut apart */
    Frame *frames;           /* [thread][SIZES] */
    char **moved;            /* [thread][inputs and outputs] */
} Sharing;

static void run_part(void *context, int kind, int stage_number, int part, int thread)
{
    const Sharing *sharing = context;
    const Session *self = sharing->session;
    if (kind == IMAGE) {
        const Stage *stage = &sharing->stages[stage_number];
        const Step *steps = stage->parts ? stage->parts + part * stage->count
                                         : self->steps + stage->first;
        void **pointers = stage->parts ? sharing->pointers : sharing->frame.pointers;
        for (Py_ssize_t i = 0; i < stage->count; i++)
            steps[i].run(steps[i].params[0], pointers + steps[i].first);
        return;
    }
    const Py_ssize_t units = (sharing->images + sharing->unit - 1) / sharing->unit;
    const Py_ssize_t most = BATCH_PARTS * sharing->thread_count;
    const Py_ssize_t parts = units < most ? units : most; /* that have images */
    if (part >= parts)
        return;
    const Py_ssize_t first = units * part / parts * sharing->unit;
    Py_ssize_t end = units * (part + 1) / parts * sharing->unit;
    if (end > sharing->images)
        end = sharing->images;
    const Py_ssize_t port_count = self->input_count + self->output_count;
    char **ports = sharing->moved + thread * port_count;
    for (Py_ssize_t i = 0; i < port_count; i++)
        ports[i] = sharing->ports[i] + first * self->inputs[i].size;
    compute_all(self, sharing->frames + SIZES * thread, ports, end - first);
}

/* Runs one image; the pool has been acquired. */
static void share_image(Sharing *sharing, char *const *ports)
{
    point_at(sharing->session, &sharing->frame, ports);
    for (Py_ssize_t i = 0; i < sharing->caller_count; i++) {
        const Caller *caller = &sharing->callers[i];
        sharing->pointers[caller->index] = ports[caller->port] + caller->shift;
    }
    pool_run(sharing->pool, IMAGE);
}

static void share_images(Sharing *sharing, char **ports, Py_ssize_t count)
{
    for (; count; count--) {
        share_image(sharing, ports);
        advance(sharing->session, ports, 1);
    }
}

/* Runs a batch; -1 with an exception. */
static int share_batch(Sharing *sharing, char *const *ports, Py_ssize_t count)
{
    const Session *self = sharing->session;
    const size_t threads = (size_t)sharing->thread_count;
    sharing->ports = ports;
    sharing->images = count;
    sharing->unit = IMAGES[size_of(self, count)];
    sharing->frames = calloc(SIZES * threads, sizeof *sharing->frames);
    sharing->moved = calloc(threads * (size_t)(self->input_count + self->output_count),
                            sizeof *sharing->moved);
    int wrong = !sharing->frames || !sharing->moved;
    if (wrong)
        PyErr_NoMemory();
    for (size_t i = 0; i < threads && !wrong; i++)
        wrong = open_frames(self, &sharing->frames[SIZES * i], count) < 0;
    if (!wrong) {
        Py_BEGIN_ALLOW_THREADS
        pool_run(sharing->pool, BATCH);
        Py_END_ALLOW_THREADS
    }
    for (size_t i = 0; sharing->frames && i < threads; i++)
        close_frames(&sharing->frames[SIZES * i]);
    free(sharing->frames);
    free(sharing->moved);
    return wrong ? -1 : 0;
}

/* Runs images, shared among the threads where that is worth it and no other thread of Python has
 * them, and advances the ports beyond them. */
static int share(const Session *self, char **ports, Py_ssize_t count)
{
    Sharing *sharing = self->sharing;
    const int release = self->work >= RELEASE_AT / count;
    const int batch = release && (count >= sharing->thread_count || (count > 1 && !sharing->shares));
    if (!(batch || sharing->shares) || !pool_acquire(sharing->pool))
        return execute(self, ports, count);
    int result = 0;
    if (batch) {
        result = share_batch(sharing, ports, count);
    } else if (release) {
        Py_BEGIN_ALLOW_THREADS
        share_images(sharing, ports, count);
        Py_END_ALLOW_THREADS
    } else {
        share_images(sharing, ports, count);
    }
    pool_release(sharing->pool);
    return result;
}

static void close_sharing(Sharing *sharing)
{
    if (!sharing)
        return;
    pool_close(sharing->pool);
    close_frame(&sharing->frame);
    free(sharing->part_counts);
    free(sharing->stages);
    free(sharing->parts);
    free(sharing->pointers);
    free(sharing->callers);
    free(sharing->scratch);
    free(sharing);
}

#else

static int share(const Session *self, char **ports, Py_ssize_t count)
{
    return execute(self, ports, count);
}

static void close_sharing(struct Sharing *sharing)
{
    (void)sharing;
}

#endif

/* Runs images in as many threads as the session has, and advances the ports beyond them. */
static int run_images(const Session *self, char **ports, Py_ssize_t count)
{
    return self->sharing ? share(self, ports, count) : execute(self, ports, count);
}

#endif
