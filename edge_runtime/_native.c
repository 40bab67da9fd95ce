/* The extension: a Session runs the kernels of a plan that edge_runtime/plan.py has made.
 *
 * Stable ABI of CPython 3.11. NumPy is not needed to build or to import it: an array's fields and
 * the few functions used of NumPy's C API are declared here, and found at run time once somebody
 * hands an array over. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ops/kernels.h"

/* ---- Kernels by name, and the variants of them that this machine can run ---- */

typedef struct {
    const char *name, *level; /* level: "portable" or the name of an instruction set */
    ek_kernel *run;
    ek_packer *pack; /* of tensor 1, the weights; NULL when they are used as they are */
} Variant;

#define VARIANT(name, level, pack) {#name, #level, ek_##name##_##level, pack},
#define PORTABLE(name) {#name, "portable", ek_##name, NULL},
static const Variant VARIANTS[] = {EK_VARIANTS(VARIANT) EK_KERNELS(PORTABLE)};
enum { VARIANT_COUNT = sizeof VARIANTS / sizeof *VARIANTS };

/* Instruction sets, the best first; each machine has some of them and "portable". */
static const char *const LEVELS[] = {"avx512", "portable"};
enum { LEVEL_COUNT = sizeof LEVELS / sizeof *LEVELS };

static int supported(const char *level)
{
#ifdef EK_X86
    if (!strcmp(level, "avx512"))
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vnni");
#endif
    return !strcmp(level, "portable");
}

/* The best variant of a kernel that the machine runs, from the level ``forced`` downwards. */
static const Variant *find_variant(const char *name, const char *forced)
{
    int below = !forced;
    for (int i = 0; i < LEVEL_COUNT; i++) {
        below = below || !strcmp(LEVELS[i], forced);
        if (!below || !supported(LEVELS[i]))
            continue;
        for (int j = 0; j < VARIANT_COUNT; j++)
            if (!strcmp(VARIANTS[j].name, name) && !strcmp(VARIANTS[j].level, LEVELS[i]))
                return &VARIANTS[j];
    }
    return NULL;
}

/* ---- What is used of NumPy; the layout is part of its stable ABI (ndarraytypes.h) ---- */

typedef struct {
    PyObject_HEAD
    char *data;
    int nd;
    Py_ssize_t *dimensions, *strides;
    PyObject *base, *descr;
    int flags;
} Array;

enum { C_CONTIGUOUS = 0x0001, ALIGNED = 0x0100 };
enum { ABI_VERSION = 0, ARRAY_TYPE = 2, DESCR_FROM_TYPE = 45, NEW_FROM_DESCR = 94 };

typedef unsigned int VersionFunction(void);
typedef PyObject *DescrFunction(int);
typedef PyObject *NewFunction(PyTypeObject *, PyObject *, int, const Py_ssize_t *,
                              const Py_ssize_t *, void *, int, PyObject *);

/* ---- Session ---- */

enum { MAX_RANK = 8, ALIGNMENT = 64 };

typedef struct {
    int type_number; /* NumPy's */
    int rank;
    Py_ssize_t shape[MAX_RANK];
    Py_ssize_t size;
    PyObject *descr;
} Port; /* the model's input or output */

typedef struct {
    ek_kernel *run;
    const int32_t *params;
    Py_ssize_t first; /* of its pointers */
} Step;

typedef enum { CONSTANT, ARENA, INPUT, OUTPUT } Place;

typedef struct {
    Place place;
    Py_ssize_t offset;
    void *data; /* of a constant */
} Reference;

typedef struct {
    void **pointers; /* one for each reference */
    char *memory, *arena;
} Frame; /* what one thread at a time works in */

typedef struct {
    PyObject_HEAD
    Py_ssize_t step_count, reference_count, buffer_count, copy_count, arena_size, work;
    size_t constants, packed; /* bytes */
    Step *steps;
    Reference *references;
    Py_buffer *buffers; /* of constants and params, held while the session lives */
    void **copies;      /* packed weights, and constants that lay misaligned in the file */
    Frame frame;
    int busy;
    Port input, output;
    PyTypeObject *array_type;
    NewFunction *new_array;
    PyObject *slow;
} Session;

static void *aligned(char *memory)
{
    return memory + (ALIGNMENT - (uintptr_t)memory % ALIGNMENT) % ALIGNMENT;
}

static int open_frame(const Session *self, Frame *frame)
{
    frame->pointers = calloc((size_t)self->reference_count + 1, sizeof(void *));
    frame->memory = malloc((size_t)self->arena_size + ALIGNMENT);
    if (!frame->pointers || !frame->memory)
        return -1;
    frame->arena = aligned(frame->memory);
    for (Py_ssize_t i = 0; i < self->reference_count; i++) {
        const Reference *reference = &self->references[i];
        frame->pointers[i] =
            reference->place == ARENA ? frame->arena + reference->offset : reference->data;
    }
    return 0;
}

static void close_frame(Frame *frame)
{
    free(frame->pointers);
    free(frame->memory);
}

static void compute(const Session *self, const Frame *frame, char *input, char *output,
                    Py_ssize_t count)
{
    for (; count > 0; count--, input += self->input.size, output += self->output.size) {
        for (Py_ssize_t i = 0; i < self->reference_count; i++) {
            if (self->references[i].place == INPUT)
                frame->pointers[i] = input;
            else if (self->references[i].place == OUTPUT)
                frame->pointers[i] = output;
        }
        for (Py_ssize_t i = 0; i < self->step_count; i++)
            self->steps[i].run(self->steps[i].params, frame->pointers + self->steps[i].first);
    }
}

/* Longer than this, in multiply-accumulates, other threads may run meanwhile: giving the GIL away
 * and taking it again costs about as much as a few thousand. */
enum { RELEASE_AT = 200000 };

static int execute(Session *self, char *input, char *output, Py_ssize_t count)
{
    if (count < RELEASE_AT && self->work * count < RELEASE_AT && !self->busy) {
        compute(self, &self->frame, input, output, count);
        return 0;
    }
    /* Whoever comes while the session's own frame is in use gets one of his own. */
    Frame own = {0}, *frame = &self->frame;
    if (self->busy) {
        frame = &own;
        if (open_frame(self, frame) < 0) {
            close_frame(frame);
            PyErr_NoMemory();
            return -1;
        }
    } else {
        self->busy = 1;
    }
    Py_BEGIN_ALLOW_THREADS
    compute(self, frame, input, output, count);
    Py_END_ALLOW_THREADS
    if (frame == &own)
        close_frame(frame);
    else
        self->busy = 0;
    return 0;
}

/* Look NumPy up, if somebody has imported it. */
static int find_numpy(Session *self)
{
    PyObject *name = PyUnicode_FromString("numpy._core._multiarray_umath");
    PyObject *module = name ? PyImport_GetModule(name) : NULL;
    Py_XDECREF(name);
    if (!module)
        return PyErr_Occurred() ? -1 : 0;
    PyObject *capsule = PyObject_GetAttrString(module, "_ARRAY_API");
    Py_DECREF(module);
    void **api = capsule ? PyCapsule_GetPointer(capsule, NULL) : NULL;
    Py_XDECREF(capsule);
    if (!api)
        return -1;
    VersionFunction *version;
    DescrFunction *descr;
    memcpy(&version, &api[ABI_VERSION], sizeof version);
    memcpy(&descr, &api[DESCR_FROM_TYPE], sizeof descr);
    if (version() >> 24 != 2) /* another ABI: the slow way serves */
        return 0;
    self->input.descr = descr(self->input.type_number);
    self->output.descr = descr(self->output.type_number);
    if (!self->input.descr || !self->output.descr)
        return -1;
    memcpy(&self->new_array, &api[NEW_FROM_DESCR], sizeof self->new_array);
    self->array_type = api[ARRAY_TYPE];
    return 0;
}

static int all_finite(const char *data, Py_ssize_t size)
{
    const uint32_t exponent = 0x7f800000u;
    uint32_t bad = 0;
    for (Py_ssize_t i = 0; i < size; i += 4) {
        uint32_t bits;
        memcpy(&bits, data + i, 4);
        bad |= (bits & exponent) == exponent;
    }
    return !bad;
}

enum { NUMPY_FLOAT32 = 11 };

static PyObject *session_run(Session *self, PyObject *tensor)
{
    if (!self->array_type && find_numpy(self) < 0)
        return NULL;
    const Array *array = (const Array *)tensor;
    const Port *in = &self->input;
    if (!self->array_type || Py_TYPE(tensor) != self->array_type || array->nd != in->rank ||
        array->descr != in->descr ||
        (array->flags & (C_CONTIGUOUS | ALIGNED)) != (C_CONTIGUOUS | ALIGNED) ||
        memcmp(array->dimensions, in->shape, (size_t)in->rank * sizeof *in->shape) != 0 ||
        (in->type_number == NUMPY_FLOAT32 && !all_finite(array->data, in->size)))
        return PyObject_CallFunctionObjArgs(self->slow, tensor, NULL);
    Py_INCREF(self->output.descr); /* new_array takes it */
    PyObject *result = self->new_array(self->array_type, self->output.descr, self->output.rank,
                                       self->output.shape, NULL, NULL, 0, NULL);
    if (result && execute(self, array->data, ((Array *)result)->data, 1) < 0)
        Py_CLEAR(result);
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
    PyObject *params, *indices;
    if (!PyArg_ParseTuple(source, "sOO!", &name, &params, &PyTuple_Type, &indices))
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
    for (Py_ssize_t i = 0; i < PyTuple_Size(indices); i++) {
        const Py_ssize_t index = PyLong_AsSsize_t(PyTuple_GetItem(indices, i));
        if (index < 0 || index >= slot_count) {
            PyErr_SetString(PyExc_ValueError, "a step names a slot that is not there");
            return -1;
        }
        Reference *reference = &self->references[self->reference_count++];
        *reference = slots[index];
        if (i == 1 && variant->pack) {
            if (reference->place != CONSTANT) {
                PyErr_SetString(PyExc_ValueError, "weights to be packed are not constant");
                return -1;
            }
            const size_t size = variant->pack(step->params, reference->data, NULL);
            self->packed += size;
            char *memory = NULL;
            if (self->packed <= PACKED_ROOM + 2 * self->constants)
                memory = malloc(size + ALIGNMENT);
            if (!memory) {
                PyErr_NoMemory();
                return -1;
            }
            self->copies[self->copy_count++] = memory;
            char *packed = aligned(memory);
            variant->pack(step->params, reference->data, packed);
            reference->data = packed;
        }
    }
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
        PyObject *indices = PyTuple_Check(step) && PyTuple_Size(step) == 3
                                ? PyTuple_GetItem(step, 2) : NULL;
        if (!indices || !PyTuple_Check(indices))
            return PyErr_Format(PyExc_TypeError, "step %zd is not (name, params, slots)", i);
        references += PyTuple_Size(indices);
    }
    Session *self = (Session *)PyType_GenericAlloc(type, 0);
    if (!self)
        return NULL;
    const size_t constants = (size_t)(slot_count + step_count) + 1;
    self->arena_size = arena;
    self->work = work < RELEASE_AT ? work : RELEASE_AT; /* so that no product overflows */
    self->steps = calloc((size_t)step_count + 1, sizeof *self->steps);
    self->references = calloc((size_t)references + 1, sizeof *self->references);
    self->buffers = calloc(constants, sizeof *self->buffers);
    self->copies = calloc(constants + (size_t)references, sizeof *self->copies);
    Reference *table = calloc((size_t)slot_count + 1, sizeof *table);
    int wrong = !self->steps || !self->references || !self->buffers || !self->copies || !table;
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
    if (!wrong && open_frame(self, &self->frame) < 0) {
        PyErr_NoMemory();
        wrong = 1;
    }
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
    Py_CLEAR(self->input.descr);
    Py_CLEAR(self->output.descr);
    for (Py_ssize_t i = 0; i < self->buffer_count; i++)
        PyBuffer_Release(&self->buffers[i]);
    for (Py_ssize_t i = 0; i < self->copy_count; i++)
        free(self->copies[i]);
    close_frame(&self->frame);
    free(self->steps);
    free(self->references);
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
    return result;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, SLOT(module_exec)}, {0, NULL}};

static PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT, .m_name = "edge_runtime._native", .m_methods = module_methods,
    .m_slots = module_slots};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&module_definition);
}
