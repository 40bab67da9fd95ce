/* Where the time of a run goes: its steps with the clock read in between. Nothing of this is part of
 * an ordinary run. */
#ifndef EK_PROFILING_H
#define EK_PROFILING_H

#include "clock.h"
#include "session.h"

/* Runs one image, as compute() does; nanoseconds: those of each step, then of no step at all, which
 * is what reading the clock costs. */
static void profile_steps(const Session *self, char *const *ports, int64_t *nanoseconds)
{
    const Frame *frame = &self->frame;
    point_at(self, frame, ports);
    int64_t before = now();
    for (Py_ssize_t i = 0; i <= self->step_count; i++) {
        if (i < self->step_count) {
            const Step *step = &self->steps[i];
            step->run(step->params[0], frame->pointers + step->first);
        }
        const int64_t after = now();
        nanoseconds[i] = after - before;
        before = after;
    }
}

#endif
