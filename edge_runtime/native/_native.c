/* The extension: a Session runs the kernels of a plan of edge_runtime/planner.
 *
 * Stable ABI of CPython 3.11. NumPy is looked up at run time, at the first array. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bound.h"
#include "choosing.h"
#include "opening.h"
#include "peak.h"
#include "profiling.h"
#include "variants.h"

/* The images that kernels read: those of the buffer, or a copy if its elements are misaligned. NULL
 * without memory for that. */
static char *aligned_images(const Py_buffer *buffer, const Port *port, char **copy)
{
    *copy = NULL;
    if ((uintptr_t)buffer->buf % (uintptr_t)port->element == 0)
        return buffer->buf;
    *copy = malloc((size_t)buffer->len);
    if (!*copy)
        return (char *)PyErr_NoMemory();
    return memcpy(*copy, buffer->buf, (size_t)buffer->len);
}

/* The number of images in buffers of all inputs and outputs; -1 with an exception. */
static Py_ssize_t count_images(const Session *self, const Py_buffer *buffers)
{
    const Py_ssize_t count = buffers[0].len / self->inputs[0].size;
    if (!count) {
        PyErr_Format(PyExc_ValueError, "input has %zd bytes, less than an image of %zd",
                     buffers[0].len, self->inputs[0].size);
        return -1;
    }
    for (Py_ssize_t i = 0; i < self->input_count + self->output_count; i++) {
        const Port *port = &self->inputs[i];
        if (buffers[i].len % port->size || buffers[i].len / port->size != count) {
            PyErr_SetString(PyExc_ValueError, "inputs and outputs differ in their number of images");
            return -1;
        }
        if (i >= self->input_count && (uintptr_t)buffers[i].buf % (uintptr_t)port->element) {
            PyErr_SetString(PyExc_ValueError, "output is not aligned to its elements");
            return -1;
        }
    }
    return count;
}

/* ports and copies: a pointer for each input and output, all NULL. nanoseconds: NULL, or where the
 * time of each step goes. */
static int compute_buffers(Session *self, const Py_buffer *buffers, char **ports, char **copies,
                           int64_t *nanoseconds)
{
    const Py_ssize_t count = count_images(self, buffers);
    if (count < 0)
        return -1;
    for (Py_ssize_t i = 0; i < self->input_count; i++)
        if (!(ports[i] = aligned_images(&buffers[i], &self->inputs[i], &copies[i])))
            return -1;
    for (Py_ssize_t i = self->input_count; i < self->input_count + self->output_count; i++)
        ports[i] = buffers[i].buf;
    if (!nanoseconds)
        return run_images(self, ports, count);
    if (count > 1) {
        PyErr_Format(PyExc_ValueError, "a profile is of one image, and not of %zd", count);
        return -1;
    }
    profile_steps(self, ports, nanoseconds);
    return 0;
}

/* Gets the buffers of a tuple; returns their number, less than count with an exception. */
static Py_ssize_t get_buffers(PyObject *sources, Py_ssize_t count, int flags, Py_buffer *buffers)
{
    if (PyTuple_Size(sources) != count) {
        PyErr_Format(PyExc_ValueError, "%zd buffers, expected %zd", PyTuple_Size(sources), count);
        return 0;
    }
    Py_ssize_t i = 0;
    while (i < count && !PyObject_GetBuffer(PyTuple_GetItem(sources, i), &buffers[i], flags))
        i++;
    return i;
}

/* Runs on the buffers of two tuples; 0, or -1 with an exception. */
static int compute_tuples(Session *self, PyObject *arguments, int64_t *nanoseconds)
{
    PyObject *inputs, *outputs;
    if (!PyArg_ParseTuple(arguments, "O!O!", &PyTuple_Type, &inputs, &PyTuple_Type, &outputs))
        return -1;
    const Py_ssize_t count = self->input_count + self->output_count;
    /* Held until the end, so that nothing resizes or frees them. */
    Py_buffer *buffers = calloc((size_t)count, sizeof *buffers);
    char **ports = calloc(2 * (size_t)count, sizeof *ports), **copies = ports + count;
    Py_ssize_t held = 0;
    int result = -1;
    if (!buffers || !ports) {
        PyErr_NoMemory();
    } else {
        held = get_buffers(inputs, self->input_count, PyBUF_SIMPLE, buffers);
        if (held == self->input_count)
            held += get_buffers(outputs, self->output_count, PyBUF_WRITABLE, buffers + held);
        if (held == count)
            result = compute_buffers(self, buffers, ports, copies, nanoseconds);
        for (Py_ssize_t i = 0; i < count; i++)
            free(copies[i]);
    }
    for (Py_ssize_t i = 0; i < held; i++)
        PyBuffer_Release(&buffers[i]);
    free(buffers);
    free(ports);
    return result;
}

static PyObject *session_compute(Session *self, PyObject *arguments)
{
    return compute_tuples(self, arguments, NULL) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *session_profile(Session *self, PyObject *arguments)
{
    const size_t size = (size_t)(self->step_count + 1) * sizeof(int64_t);
    int64_t *nanoseconds = malloc(size);
    if (!nanoseconds)
        return PyErr_NoMemory();
    PyObject *result = NULL;
    if (compute_tuples(self, arguments, nanoseconds) >= 0)
        result = PyBytes_FromStringAndSize((const char *)nanoseconds, (Py_ssize_t)size);
    free(nanoseconds);
    return result;
}

static PyObject *session_reset(Session *self, PyObject *Py_UNUSED(nothing))
{
    reset_states(self, &self->frame);
    return Py_NewRef(Py_None);
}

/* Ends the threads; bound functions then call slow. */
static PyObject *session_close(Session *self, PyObject *Py_UNUSED(nothing))
{
    struct Sharing *sharing = self->sharing;
    self->closed = 1;
    self->sharing = NULL;
    close_sharing(sharing);
    return Py_NewRef(Py_None);
}

static PyMethodDef run_method = {"run", bound_run, METH_O, "Run tensors: what Model.run does."};

/* The session has no reference to slow, which refers to the session: a cycle would keep both, and
 * the file, until the garbage collector runs. */
static PyObject *session_bind(Session *self, PyObject *arguments)
{
    PyObject *slow, *inputs, *outputs;
    if (!PyArg_ParseTuple(arguments, "OO!O!:bind", &slow, &PyTuple_Type, &inputs, &PyTuple_Type,
                          &outputs))
        return NULL;
    if (PyTuple_Size(inputs) != self->input_count || PyTuple_Size(outputs) != self->output_count) {
        PyErr_SetString(PyExc_ValueError, "each input and output has a name");
        return NULL;
    }
    PyObject *bound = PyTuple_Pack(4, self, slow, inputs, outputs);
    PyObject *run = bound ? PyCFunction_NewEx(&run_method, bound, NULL) : NULL;
    Py_XDECREF(bound);
    return run;
}

static void session_dealloc(Session *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    close_sharing(self->sharing);
    for (Py_ssize_t i = 0; self->inputs && i < self->input_count + self->output_count; i++) {
        Py_CLEAR(self->inputs[i].descr);
        Py_CLEAR(self->inputs[i].last);
    }
    for (Py_ssize_t i = 0; i < self->buffer_count; i++)
        PyBuffer_Release(&self->buffers[i]);
    for (Py_ssize_t i = 0; i < self->copy_count; i++)
        free(self->copies[i]);
    close_frame(&self->frame);
    free(self->steps);
    free(self->references);
    free(self->callers);
    free(self->buffers);
    free(self->copies);
    free(self->inputs);
    free(self->states);
    PyObject_Free(self);
    Py_DECREF(type);
}

#define METHOD(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef session_methods[] = {
    {"compute", METHOD(session_compute), METH_VARARGS,
     "compute(inputs, outputs): run as many images as the buffers hold."},
    {"profile", METHOD(session_profile), METH_VARARGS,
     "profile(inputs, outputs): run one image; nanoseconds of each step, then of none, as int64."},
    {"close", METHOD(session_close), METH_NOARGS,
     "End the threads; what bind returned then calls slow."},
    {"reset", METHOD(session_reset), METH_NOARGS, "Set the states to their initial values."},
    {"bind", METHOD(session_bind), METH_VARARGS,
     "bind(slow, input_names, output_names): return run, which calls slow for everything but fitting "
     "ndarrays."},
    {NULL, NULL, 0, NULL},
};

/* CPython keeps functions as void *, which POSIX allows and C99 does not. */
#ifdef __GNUC__
#define SLOT(function) __extension__(void *)(function)
#else
#define SLOT(function) (void *)(function)
#endif

static PyType_Slot session_slots[] = {
    {Py_tp_doc, "Session(slots, steps, arena, inputs, outputs, states, work, instructions,\n"
                "        threads=1, scratch=0, stages=None)"},
    {Py_tp_new, SLOT(session_new)},
    {Py_tp_dealloc, SLOT(session_dealloc)},
    {Py_tp_methods, session_methods},
    {0, NULL},
};

static PyType_Spec session_spec = {
    .name = "edge_runtime._native.Session",
    .basicsize = sizeof(Session),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = session_slots,
};

static PyObject *instructions(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(nothing))
{
    PyObject *levels = PyList_New(0);
    for (int i = 0; levels && i < LEVEL_COUNT; i++) {
        if (!supported(LEVELS[i]))
            continue;
        PyObject *level = PyUnicode_FromString(LEVELS[i]);
        if (!level || PyList_Append(levels, level) < 0)
            Py_CLEAR(levels);
        Py_XDECREF(level);
    }
    return levels;
}

static PyMethodDef module_methods[] = {
    {"instructions", instructions, METH_NOARGS,
     "Names of the instruction sets of this machine that there are kernels for, the best first."},
    {"variants", variants, METH_O,
     "variants(kernel): the levels that a kernel has variants for, on any machine, best first."},
    {"choose", choose, METH_VARARGS,
     "choose(kernel, highest, params, tensors): (level, bytes of scratch) of the best variant here."},
    {"pack", pack, METH_VARARGS,
     "pack(kernel, level, params, tensors): (params, tensors) that a variant reads, or None."},
    {"scratch", scratch, METH_VARARGS,
     "scratch(kernel, level, params, tensors): bytes of scratch of a variant, 0 if it does not fit."},
    {"peak", peak_rate, METH_VARARGS,
     "peak(level, type): multiply-accumulates a second of a thread; None where there is no such."},
    {"run", run, METH_VARARGS,
     "run(kernel, params, tensors, sizes): outputs of these sizes, of the portable kernel."},
    {NULL, NULL, 0, NULL},
};

static int module_exec(PyObject *module)
{
#ifdef EK_X86
    __builtin_cpu_init();
#endif
    PyObject *type = PyType_FromModuleAndSpec(module, &session_spec, NULL);
    const int result = type ? PyModule_AddObjectRef(module, "Session", type) : -1;
    Py_XDECREF(type);
    PyObject *groups = Py_BuildValue("(iii)", IMAGES[1], IMAGES[2], IMAGES[3]);
    const int added = groups ? PyModule_AddObjectRef(module, "GROUPS", groups) : -1;
    Py_XDECREF(groups);
    if (result < 0 || added < 0)
        return -1;
    return PyModule_AddIntConstant(module, "MOST_THREADS", MOST_THREADS);
}

/* Since CPython 3.12 a module declares that interpreters with their own GIL may load it: this one
 * has no state beyond its objects. 3.11, whose stable ABI this is, lacks the names and rejects the
 * slot. */
enum { MULTIPLE_INTERPRETERS = 3 }; /* Py_mod_multiple_interpreters */
#define PER_INTERPRETER_GIL ((void *)2)
#define SINCE_3_12 0x030C0000

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, SLOT(module_exec)},
                                          {MULTIPLE_INTERPRETERS, PER_INTERPRETER_GIL},
                                          {0, NULL}};
static PyModuleDef_Slot module_slots_3_11[] = {{Py_mod_exec, SLOT(module_exec)}, {0, NULL}};

static PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT, .m_name = "edge_runtime._native", .m_methods = module_methods,
    .m_slots = module_slots};
static PyModuleDef module_definition_3_11 = {
    PyModuleDef_HEAD_INIT, .m_name = "edge_runtime._native", .m_methods = module_methods,
    .m_slots = module_slots_3_11};

PyMODINIT_FUNC PyInit__native(void)
{
    const int since = Py_Version >= SINCE_3_12;
    return PyModuleDef_Init(since ? &module_definition : &module_definition_3_11);
}
