/* The extension: a Session runs the kernels of a plan that edge_runtime/plan.py has made.
 *
 * Stable ABI of CPython 3.11. NumPy is found at run time, once somebody hands an array over. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "variants.h"

enum { NUMPY_FLOAT32 = 11 };

static int all_finite(const Session *self, char *numbers)
{
    const int32_t count = (int32_t)(self->input.size / 4);
    int32_t finite;
    void *const tensors[] = {numbers, &finite};
    self->finite(&count, tensors);
    return finite;
}

/* Look NumPy up and take the element types from it. */
static int meet_numpy(Session *self)
{
    Numpy found = {0};
    if (find_numpy(&found) < 0)
        return -1;
    if (!found.array_type)
        return 0;
    self->input.descr = found.descr(self->input.type_number);
    self->output.descr = found.descr(self->output.type_number);
    if (!self->input.descr || !self->output.descr)
        return -1;
    self->numpy = found;
    return 0;
}

static int fits(const Array *array, const Port *port)
{
    return array->nd == port->rank && array->descr == port->descr &&
           memcmp(array->dimensions, port->shape, (size_t)port->rank * sizeof *port->shape) == 0;
}

/* An array for the result: a new one, or the last one if nobody has seen its end but us. */
static PyObject *result_array(Session *self)
{
    PyObject *last = self->last;
    const Array *array = (const Array *)last;
    self->last = NULL;
    if (last && Py_REFCNT(last) == 1 && !array->weakrefs && !array->base &&
        array->flags == self->last_flags && fits(array, &self->output))
        return last;
    Py_XDECREF(last);
    Py_INCREF(self->output.descr); /* new_array takes it */
    PyObject *made =
        self->numpy.new_array(self->numpy.array_type, self->output.descr, self->output.rank,
                              self->output.shape, NULL, NULL, 0, NULL);
    if (made)
        self->last_flags = ((const Array *)made)->flags;
    return made;
}

static PyObject *session_run(Session *self, PyObject *tensor)
{
    if (!self->numpy.array_type && meet_numpy(self) < 0)
        return NULL;
    const Array *array = (const Array *)tensor;
    if (!self->numpy.array_type || Py_TYPE(tensor) != self->numpy.array_type ||
        !fits(array, &self->input) ||
        (array->flags & (C_CONTIGUOUS | ALIGNED)) != (C_CONTIGUOUS | ALIGNED) ||
        (self->input.type_number == NUMPY_FLOAT32 && !all_finite(self, array->data)))
        return PyObject_CallFunctionObjArgs(self->slow, tensor, NULL);
    PyObject *result = result_array(self);
    if (!result)
        return NULL;
    if (execute(self, array->data, ((Array *)result)->data, 1) < 0) {
        Py_DECREF(result);
        return NULL;
    }
    PyObject *former = self->last; /* another thread may have left its own meanwhile */
    self->last = Py_NewRef(result);
    Py_XDECREF(former);
    return result;
}

static PyObject *session_compute(Session *self, PyObject *arguments)
{
    Py_buffer input, output;
    if (!PyArg_ParseTuple(arguments, "y*w*:compute", &input, &output))
        return NULL;
    PyObject *result = NULL;
    const Py_ssize_t count = self->input.size ? input.len / self->input.size : 0;
    if (count * self->input.size != input.len || count * self->output.size != output.len)
        PyErr_SetString(PyExc_ValueError, "input and output are not of as many images");
    else if ((uintptr_t)input.buf % 4 || (uintptr_t)output.buf % 4)
        PyErr_SetString(PyExc_ValueError, "input or output is not aligned to 4 bytes");
    else if (execute(self, input.buf, output.buf, count) == 0)
        result = Py_NewRef(Py_None);
    PyBuffer_Release(&input);
    PyBuffer_Release(&output);
    return result;
}

static PyObject *session_bind(Session *self, PyObject *slow)
{
    PyObject *former = self->slow;
    self->slow = Py_NewRef(slow);
    Py_XDECREF(former);
    return PyObject_GetAttrString((PyObject *)self, "run");
}

/* ---- Opening ---- */

static int read_port(PyObject *source, Port *port)
{
    PyObject *shape;
    if (!PyArg_ParseTuple(source, "inO!", &port->type_number, &port->size, &PyTuple_Type, &shape))
        return -1;
    port->rank = (int)PyTuple_Size(shape);
    if (port->rank > MAX_RANK) {
        PyErr_SetString(PyExc_ValueError, "more dimensions than the extension takes");
        return -1;
    }
    for (int i = 0; i < port->rank; i++)
        port->shape[i] = PyLong_AsSsize_t(PyTuple_GetItem(shape, i));
    return PyErr_Occurred() ? -1 : 0;
}

static void *keep(Session *self, PyObject *source)
{
    Py_buffer *buffer = &self->buffers[self->buffer_count];
    if (PyObject_GetBuffer(source, buffer, PyBUF_SIMPLE) < 0)
        return NULL;
    self->buffer_count++;
    if ((uintptr_t)buffer->buf % 8 == 0)
        return buffer->buf;
    char *copy = malloc((size_t)buffer->len + 1);
    if (!copy)
        return PyErr_NoMemory();
    self->copies[self->copy_count++] = copy;
    return memcpy(copy, buffer->buf, (size_t)buffer->len);
}

static int read_slot(Session *self, PyObject *source, Reference *reference, Py_ssize_t *size)
{
    const char *place;
    PyObject *data;
    if (!PyArg_ParseTuple(source, "snOn", &place, size, &data, &reference->offset))
        return -1;
    reference->data = NULL;
    reference->place = place[0] == 'c'   ? CONSTANT
                       : place[0] == 'i' ? INPUT
                       : place[0] == 'o' ? OUTPUT
                                         : ARENA;
    if (reference->place == CONSTANT) {
        if (!(reference->data = keep(self, data)))
            return -1;
        if (self->buffers[self->buffer_count - 1].len != *size) {
            PyErr_SetString(PyExc_ValueError, "a constant is not of its slot's size");
            return -1;
        }
        self->constants += (size_t)*size;
    }
    if (reference->place == ARENA && (reference->offset < 0 || *size < 0 ||
                                      *size > self->arena_size - reference->offset)) {
        PyErr_SetString(PyExc_ValueError, "a slot lies outside the arena");
        return -1;
    }
    return 0;
}

/* Packed weights of a hostile model, of one output each or shared by thousands of ops, may take many
 * times as much as its file; an honest one's stay below twice its constants, or are small. */
#define PACKED_ROOM ((size_t)32 << 20)

static int read_step(Session *self, PyObject *source, const Reference *slots, Py_ssize_t slot_count,
                     const char *forced, Step *step)
{
    const char *name;
    PyObject *params, *group_params, *indices;
    if (!PyArg_ParseTuple(source, "sOOO!", &name, &params, &group_params, &PyTuple_Type, &indices))
        return -1;
    const Variant *variant = find_variant(name, forced);
    if (!variant) {
        PyErr_Format(PyExc_ValueError, "there is no kernel %s", name);
        return -1;
    }
    step->run = variant->run;
    step->first = self->reference_count;
    if (!(step->params = keep(self, params)))
        return -1;
    if (group_params == Py_None)
        self->groups = 0;
    else if (!(step->group_params = keep(self, group_params)))
        return -1;
    for (Py_ssize_t i = 0; i < PyTuple_Size(indices); i++) {
        const Py_ssize_t index = PyLong_AsSsize_t(PyTuple_GetItem(indices, i));
        if (index < 0 || index >= slot_count) {
            PyErr_SetString(PyExc_ValueError, "a step names a slot that is not there");
            return -1;
        }
        Reference *reference = &self->references[self->reference_count++];
        *reference = slots[index];
        if (reference->place == INPUT || reference->place == OUTPUT)
            self->callers[self->caller_count++] = self->reference_count - 1;
    }
    if (!variant->pack)
        return 0;
    void *tensors[MAX_TENSORS];
    const Py_ssize_t count = self->reference_count - step->first;
    for (Py_ssize_t i = 0; i < count && i < MAX_TENSORS; i++)
        tensors[i] = self->references[step->first + i].data;
    if (count < 2 || self->references[step->first + 1].place != CONSTANT) {
        PyErr_SetString(PyExc_ValueError, "weights to be packed are not constant");
        return -1;
    }
    const size_t size = variant->pack(step->params, tensors, NULL);
    self->packed += size;
    char *memory = NULL;
    if (self->packed <= PACKED_ROOM + 2 * self->constants)
        memory = malloc(size + ALIGNMENT);
    if (!memory) {
        PyErr_NoMemory();
        return -1;
    }
    self->copies[self->copy_count++] = memory;
    void *packed = aligned(memory);
    variant->pack(step->params, tensors, packed);
    self->references[step->first + 1].data = packed;
    return 0;
}

static PyObject *session_new(PyTypeObject *type, PyObject *arguments, PyObject *Py_UNUSED(named))
{
    PyObject *slots, *steps, *input, *output;
    Py_ssize_t arena, work;
    const char *forced;
    if (!PyArg_ParseTuple(arguments, "O!O!nO!O!nz:Session", &PyTuple_Type, &slots, &PyTuple_Type,
                          &steps, &arena, &PyTuple_Type, &input, &PyTuple_Type, &output, &work,
                          &forced))
        return NULL;
    const Py_ssize_t slot_count = PyTuple_Size(slots), step_count = PyTuple_Size(steps);
    Py_ssize_t references = 0;
    for (Py_ssize_t i = 0; i < step_count; i++) {
        PyObject *step = PyTuple_GetItem(steps, i);
        PyObject *indices = PyTuple_Check(step) && PyTuple_Size(step) == 4
                                ? PyTuple_GetItem(step, 3) : NULL;
        if (!indices || !PyTuple_Check(indices))
            return PyErr_Format(PyExc_TypeError, "step %zd is not (name, params, group params, slots)", i);
        references += PyTuple_Size(indices);
    }
    Session *self = (Session *)PyType_GenericAlloc(type, 0);
    if (!self)
        return NULL;
    const size_t constants = (size_t)(slot_count + 2 * step_count) + 1;
    self->arena_size = arena;
    self->work = work;
    self->finite = find_variant("finite", forced)->run;
    self->groups = arena <= MAX_GROUP_ARENA;
    self->steps = calloc((size_t)step_count + 1, sizeof *self->steps);
    self->references = calloc((size_t)references + 1, sizeof *self->references);
    self->callers = calloc((size_t)references + 1, sizeof *self->callers);
    self->buffers = calloc(constants, sizeof *self->buffers);
    self->copies = calloc(constants + (size_t)references, sizeof *self->copies);
    Reference *table = calloc((size_t)slot_count + 1, sizeof *table);
    int wrong = !self->steps || !self->references || !self->callers || !self->buffers ||
                !self->copies || !table;
    if (wrong || arena < 0)
        PyErr_NoMemory();
    wrong = wrong || arena < 0 || read_port(input, &self->input) < 0 ||
            read_port(output, &self->output) < 0;
    for (Py_ssize_t i = 0; !wrong && i < slot_count; i++) {
        Py_ssize_t size;
        wrong = read_slot(self, PyTuple_GetItem(slots, i), &table[i], &size) < 0;
    }
    for (Py_ssize_t i = 0; !wrong && i < step_count; i++) {
        wrong = read_step(self, PyTuple_GetItem(steps, i), table, slot_count, forced,
                          &self->steps[i]) < 0;
        self->step_count = i + 1;
    }
    free(table);
    wrong = wrong || open_frame(self, &self->frame, 1) < 0;
    if (wrong)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int session_traverse(Session *self, visitproc visit, void *arg)
{
    Py_VISIT(self->slow);
    Py_VISIT(Py_TYPE((PyObject *)self));
    return 0;
}

static int session_clear(Session *self)
{
    Py_CLEAR(self->slow);
    return 0;
}

static void session_dealloc(Session *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack(self);
    session_clear(self);
    Py_CLEAR(self->last);
    Py_CLEAR(self->input.descr);
    Py_CLEAR(self->output.descr);
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
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

#define METHOD(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef session_methods[] = {
    {"run", METHOD(session_run), METH_O, "Run one tensor: what Model.run does."},
    {"compute", METHOD(session_compute), METH_VARARGS,
     "compute(input, output): run as many images as the buffers hold."},
    {"bind", METHOD(session_bind), METH_O,
     "bind(slow): return run, which hands over to slow what is no fitting ndarray."},
    {NULL, NULL, 0, NULL},
};

/* CPython keeps functions as void *, which POSIX allows and C99 does not. */
#ifdef __GNUC__
#define SLOT(function) __extension__(void *)(function)
#else
#define SLOT(function) (void *)(function)
#endif

static PyType_Slot session_slots[] = {
    {Py_tp_doc, "Session(slots, steps, arena, input, output, work, instructions)"},
    {Py_tp_new, SLOT(session_new)},
    {Py_tp_dealloc, SLOT(session_dealloc)},
    {Py_tp_traverse, SLOT(session_traverse)},
    {Py_tp_clear, SLOT(session_clear)},
    {Py_tp_methods, session_methods},
    {0, NULL},
};

static PyType_Spec session_spec = {
    .name = "edge_runtime._native.Session",
    .basicsize = sizeof(Session),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
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
     "Names of the instruction sets that this machine has kernels for, the best first."},
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
    return result < 0 ? -1 : PyModule_AddIntConstant(module, "GROUP", GROUP);
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, SLOT(module_exec)}, {0, NULL}};

static PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT, .m_name = "edge_runtime._native", .m_methods = module_methods,
    .m_slots = module_slots};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&module_definition);
}
