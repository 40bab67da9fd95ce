/* Opening a session: a plan's slots and steps as C structures.
 *
 * The planner has checked the file, and is trusted with what only a kernel knows: the number of
 * parameters and tensors that it reads, and their sizes. Types and bounds are checked here. */
#ifndef EK_OPENING_H
#define EK_OPENING_H

#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "session.h"
#include "variants.h"

/* Bytes of an element, by NumPy's type number; 0 for a type that the engine does not support. */
static Py_ssize_t element_size(int type_number)
{
    switch (type_number) {
    case 0: /* bool */
    case 1: /* int8 */
    case 2: /* uint8 */
        return 1;
    case 3: /* int16 */
        return 2;
    case 5: /* int32 */
    case NUMPY_FLOAT32:
        return 4;
    case 9: /* int64 */
        return 8;
    default:
        return 0;
    }
}

static int read_port(PyObject *source, Port *port)
{
    PyObject *shape;
    if (!PyArg_ParseTuple(source, "inO!", &port->type_number, &port->size, &PyTuple_Type, &shape))
        return -1;
    if (PyTuple_Size(shape) > MAX_RANK) {
        PyErr_SetString(PyExc_ValueError, "more dimensions than the extension supports");
        return -1;
    }
    port->rank = (int)PyTuple_Size(shape);
    port->element = element_size(port->type_number);
    /* The size divided by all dimensions: the size of an element, unless one of them is wrong. */
    Py_ssize_t left = port->size;
    for (int i = 0; i < port->rank; i++) {
        const Py_ssize_t length = PyLong_AsSsize_t(PyTuple_GetItem(shape, i));
        if (length == -1 && PyErr_Occurred())
            return -1;
        port->shape[i] = length;
        left = length > 0 && left % length == 0 ? left / length : 0;
    }
    if (left <= 0 || left != port->element) {
        PyErr_SetString(PyExc_ValueError, "input or output is not of its shape's size");
        return -1;
    }
    return 0;
}

/* Reads the ports of a tuple of inputs and of one of outputs. */
static int read_ports(Session *self, PyObject *inputs, PyObject *outputs)
{
    self->input_count = PyTuple_Size(inputs);
    self->output_count = PyTuple_Size(outputs);
    const Py_ssize_t count = self->input_count + self->output_count;
    self->inputs = calloc((size_t)count + 1, sizeof *self->inputs);
    if (!self->inputs) {
        PyErr_NoMemory();
        return -1;
    }
    self->outputs = self->inputs + self->input_count;
    if (!self->input_count || !self->output_count) {
        PyErr_SetString(PyExc_ValueError, "there is no input or no output");
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *source = i < self->input_count ? PyTuple_GetItem(inputs, i)
                                                 : PyTuple_GetItem(outputs, i - self->input_count);
        if (!PyTuple_Check(source)) {
            PyErr_SetString(PyExc_TypeError, "a port is not (type number, size, shape)");
            return -1;
        }
        if (read_port(source, &self->inputs[i]) < 0)
            return -1;
    }
    return 0;
}

static int read_states(Session *self, PyObject *states)
{
    const Py_ssize_t count = PyTuple_Size(states);
    self->states = calloc((size_t)count + 1, sizeof *self->states);
    if (!self->states) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        State *state = &self->states[i];
        PyObject *source = PyTuple_GetItem(states, i);
        if (!PyTuple_Check(source)) {
            PyErr_SetString(PyExc_TypeError, "a state is not (offset, size, fill, data)");
            return -1;
        }
        PyObject *data;
        if (!PyArg_ParseTuple(source, "nniO", &state->offset, &state->size, &state->fill, &data))
            return -1;
        if (data != Py_None) {
            if (!(state->data = keep(self, data)))
                return -1;
            if (self->buffers[self->buffer_count - 1].len != state->size) {
                PyErr_SetString(PyExc_ValueError, "a state's first value is not of its size");
                return -1;
            }
        }
        if (state->offset < 0 || state->size < 0 || state->size > self->arena_size - state->offset) {
            PyErr_SetString(PyExc_ValueError, "a state lies outside the arena");
            return -1;
        }
        self->state_count = i + 1;
    }
    if (count)
        self->groups = 0; /* one image after another */
    return 0;
}

static int read_slot(Session *self, PyObject *source, Reference *reference, Py_ssize_t *size)
{
    const char *place;
    PyObject *data;
    if (!PyTuple_Check(source)) {
        PyErr_SetString(PyExc_TypeError, "a slot is not (place, size, data, offset)");
        return -1;
    }
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
    if (reference->place == INPUT || reference->place == OUTPUT) {
        const int is_input = reference->place == INPUT;
        const Py_ssize_t count = is_input ? self->input_count : self->output_count;
        if (reference->offset < 0 || reference->offset >= count) {
            PyErr_SetString(PyExc_ValueError, "a slot is an input or output that is not there");
            return -1;
        }
        if (!is_input)
            reference->offset += self->input_count;
        if (*size != self->inputs[reference->offset].size) {
            PyErr_SetString(PyExc_ValueError, "input or output is not of its slot's size");
            return -1;
        }
    }
    return 0;
}

/* Packed weights of a hostile model, of one output each or shared by thousands of ops, may need many
 * times the size of its file; those of an honest one are small or below twice its constants. */
#define PACKED_ROOM ((size_t)32 << 20)

/* Packs the constants of a step for its variant, aligned, followed by its parameters. Without group
 * parameters, or if the packer rejects them, images are not grouped. */
static int pack_step(Session *self, const Variant *variant, Step *step, void *const *tensors,
                     Py_ssize_t count)
{
    ek_packing packing = {0}, groups[SIZES];
    if (!variant->pack(step->params[0], tensors, &packing)) {
        PyErr_Format(PyExc_ValueError, "%s: these parameters and constants are not for %s",
                     variant->name, LEVELS[variant->level]);
        return -1;
    }
    memset(groups, 0, sizeof groups);
    for (int i = 1; i < SIZES && self->groups; i++)
        self->groups = variant->pack(step->params[i], tensors, &groups[i]);
    const size_t params_size = (size_t)packing.count * sizeof *packing.params;
    size_t size = SIZES * params_size + ALIGNMENT;
    for (Py_ssize_t i = 0; i < EK_MOST_TENSORS; i++) {
        if (packing.sizes[i] && i >= count) {
            PyErr_SetString(PyExc_ValueError, "a step has too few tensors");
            return -1;
        }
        self->packed += packing.sizes[i];
        size += packing.sizes[i] + ALIGNMENT;
    }
    char *memory = self->packed <= PACKED_ROOM + 2 * self->constants ? calloc(1, size) : NULL;
    if (!memory) {
        PyErr_NoMemory();
        return -1;
    }
    self->copies[self->copy_count++] = memory;
    for (Py_ssize_t i = 0; i < EK_MOST_TENSORS; i++)
        if (packing.sizes[i]) {
            packing.tensors[i] = aligned(memory);
            self->references[step->first + i].data = packing.tensors[i];
            memory = (char *)packing.tensors[i] + packing.sizes[i];
        }
    variant->pack(step->params[0], tensors, &packing);
    groups[0] = packing;
    int32_t *params = aligned(memory);
    for (int i = 0; i < SIZES && packing.count; i++, params += packing.count)
        step->params[i] = memcpy(params, groups[i].params, params_size);
    return 0;
}

/* Lets a step read what an earlier one with the same kernel and constants has packed. */
static int share_packed(const Session *self, Py_ssize_t same, Step *step, Py_ssize_t count)
{
    const Step *earlier = same < step - self->steps ? &self->steps[same] : step;
    if (earlier == step || earlier->run != step->run || earlier[1].first - earlier->first != count) {
        PyErr_SetString(PyExc_ValueError, "a step is not the same as an earlier one");
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        Reference *reference = &self->references[step->first + i];
        if (reference->place == CONSTANT)
            reference->data = self->references[earlier->first + i].data;
    }
    memcpy(step->params, earlier->params, sizeof step->params);
    return 0;
}

static int read_step(Session *self, PyObject *source, const Reference *slots, Py_ssize_t slot_count,
                     Step *step)
{
    const char *name, *level;
    PyObject *params, *groups, *indices;
    Py_ssize_t same;
    if (!PyArg_ParseTuple(source, "ssOOO!n", &name, &level, &params, &groups, &PyTuple_Type,
                          &indices, &same))
        return -1;
    const Variant *variant = supported(level) ? find_variant(name, level) : NULL;
    if (!variant) {
        PyErr_Format(PyExc_ValueError, "there is no kernel %s for %s here", name, level);
        return -1;
    }
    step->run = variant->run;
    step->first = self->reference_count;
    if (!(step->params[0] = keep(self, params)))
        return -1;
    if (groups == Py_None) {
        self->groups = 0;
    } else if (!PyTuple_Check(groups) || PyTuple_Size(groups) != SIZES - 1) {
        PyErr_SetString(PyExc_TypeError, "parameters of groups are not a tuple of each size's");
        return -1;
    }
    for (int i = 1; i < SIZES && self->groups; i++)
        if (!(step->params[i] = keep(self, PyTuple_GetItem(groups, i - 1))))
            return -1;
    void *constants[EK_MOST_TENSORS] = {NULL};
    const Py_ssize_t count = PyTuple_Size(indices);
    for (Py_ssize_t i = 0; i < count; i++) {
        const Py_ssize_t index = PyLong_AsSsize_t(PyTuple_GetItem(indices, i));
        if (index == -1 && PyErr_Occurred())
            return -1;
        if (index < 0 || index >= slot_count) {
            PyErr_SetString(PyExc_ValueError, "a step names a slot that is not there");
            return -1;
        }
        Reference *reference = &self->references[self->reference_count++];
        *reference = slots[index];
        if (reference->place == INPUT || reference->place == OUTPUT)
            self->callers[self->caller_count++] = self->reference_count - 1;
        if (i < EK_MOST_TENSORS)
            constants[i] = reference->data; /* NULL for others */
    }
    if (variant->pack && same >= 0)
        return share_packed(self, same, step, count);
    return variant->pack ? pack_step(self, variant, step, constants, count) : 0;
}

static PyObject *session_new(PyTypeObject *type, PyObject *arguments, PyObject *Py_UNUSED(named))
{
    PyObject *slots, *steps, *inputs, *outputs, *states, *stages = NULL;
    Py_ssize_t arena, work, threads = 1, scratch = 0;
    const char *forced;
    if (!PyArg_ParseTuple(arguments, "O!O!nO!O!O!nz|nnO!:Session", &PyTuple_Type, &slots,
                          &PyTuple_Type, &steps, &arena, &PyTuple_Type, &inputs, &PyTuple_Type,
                          &outputs, &PyTuple_Type, &states, &work, &forced, &threads, &scratch,
                          &PyTuple_Type, &stages))
        return NULL;
    const Py_ssize_t slot_count = PyTuple_Size(slots), step_count = PyTuple_Size(steps);
    Py_ssize_t references = 0;
    PartCount parts = {0, 0};
    if (stages && count_parts(stages, &parts) < 0)
        return NULL;
    for (Py_ssize_t i = 0; i < step_count; i++) {
        PyObject *step = PyTuple_GetItem(steps, i);
        PyObject *indices = PyTuple_Check(step) && PyTuple_Size(step) == 6
                                ? PyTuple_GetItem(step, 4) : NULL;
        if (!indices || !PyTuple_Check(indices))
            return PyErr_Format(PyExc_TypeError,
                                "step %zd is not (name, level, params, of groups, slots, "
                                "same)", i);
        references += PyTuple_Size(indices);
    }
    ek_packing packing;
    const Variant *finite = choose_variant("finite", forced, NULL, NULL, &packing);
    if (!finite)
        return PyErr_Format(PyExc_ValueError, "there are no instructions %s here", forced);
    if (arena < 0 || work < 0)
        return PyErr_Format(PyExc_ValueError, "arena or work is negative");
    Session *self = (Session *)PyType_GenericAlloc(type, 0);
    if (!self)
        return NULL;
    const size_t constants =
        (size_t)(slot_count + SIZES * step_count + PyTuple_Size(states) + parts.steps + parts.tensors) + 1;
    self->arena_size = arena;
    self->work = work;
    self->finite = finite->run;
    self->groups = arena <= MAX_GROUP_ARENA;
    self->steps = calloc((size_t)step_count + 1, sizeof *self->steps);
    self->references = calloc((size_t)references + 1, sizeof *self->references);
    self->callers = calloc((size_t)references + 1, sizeof *self->callers);
    self->buffers = calloc(constants, sizeof *self->buffers);
    self->copies = calloc(constants + (size_t)references, sizeof *self->copies);
    Reference *table = calloc((size_t)slot_count + 1, sizeof *table);
    int wrong = !self->steps || !self->references || !self->callers || !self->buffers ||
                !self->copies || !table;
    if (wrong)
        PyErr_NoMemory();
    wrong = wrong || read_ports(self, inputs, outputs) < 0 || read_states(self, states) < 0;
    for (Py_ssize_t i = 0; !wrong && i < slot_count; i++) {
        Py_ssize_t size;
        wrong = read_slot(self, PyTuple_GetItem(slots, i), &table[i], &size) < 0;
    }
    for (Py_ssize_t i = 0; !wrong && i < step_count; i++) {
        wrong = read_step(self, PyTuple_GetItem(steps, i), table, slot_count,
                          &self->steps[i]) < 0;
        self->step_count = i + 1;
    }
    if (!wrong)
        self->steps[step_count].first = self->reference_count;
    if (!wrong && stages)
        wrong = open_sharing(self, threads, scratch, stages, parts) < 0;
    free(table);
    wrong = wrong || open_frame(self, &self->frame, 0) < 0;
    if (wrong)
        Py_CLEAR(self);
    else
        reset_states(self, &self->frame);
    return (PyObject *)self;
}

#endif
