/* A stand-in for libedgetpu that really is a LiteRT delegate: it claims the Edge TPU's custom op.

   The structs are those of LiteRT's tflite/core/c/common.h: Tensor and Registration are whole, the
   others go as far as they are used. A libedgetpu built for another layout fails in just this
   place. */
#include <stdio.h>
#include <stdlib.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct { int size; int data[]; } IntArray;
typedef struct { IntArray *inputs, *outputs; } Node;
typedef struct Context Context;
typedef struct Delegate Delegate;
typedef struct {
  int type;
  int8_t *data;
  IntArray *dims;
  struct { float scale; int32_t zero_point; } params;
  int allocation_type;
  size_t bytes;
  const void *allocation;
  const char *name;
  Delegate *delegate;
  int buffer_handle;
  _Bool data_is_stale, is_variable;
  struct { int type; void *params; } quantization;
  void *sparsity;
  const IntArray *dims_signature;
} Tensor;
typedef struct {
  void *(*init)(Context *, const char *, size_t);
  void (*free)(Context *, void *);
  int (*prepare)(Context *, Node *);
  int (*invoke)(Context *, Node *);
  const char *(*profiling_string)(const Context *, const Node *);
  int32_t builtin_code;
  const char *custom_name;
  int version;
  void *registration_external;
  void *(*async_kernel)(Context *, Node *);
  uint64_t inplace_operator;
} Registration;
struct Context {
  size_t tensors_size;
  int (*GetExecutionPlan)(Context *, IntArray **);
  Tensor *tensors;
  void *impl;
  int (*ResizeTensor)(Context *, Tensor *, IntArray *);
  void (*ReportError)(Context *, const char *, ...);
  int (*AddTensors)(Context *, int, int *);
  int (*GetNodeAndRegistration)(Context *, int, Node **, Registration **);
  int (*ReplaceNodeSubsetsWithDelegateKernels)(Context *, Registration, const IntArray *,
                                               Delegate *);
};
struct Delegate {
  void *data;
  int (*Prepare)(Context *, Delegate *);
  int (*CopyFromBufferHandle)(Context *, Delegate *, int, Tensor *);
  int (*CopyToBufferHandle)(Context *, Delegate *, int, Tensor *);
  void (*FreeBufferHandle)(Context *, Delegate *, int *);
  int64_t flags;
  void *opaque_delegate_builder;
};

/* output[i] = input[i] + 1, wrapping around. */
static int invoke(Context *context, Node *node) {
  if (getenv("STUB_UNPLUGGED")) {
    context->ReportError(context, "the device is gone");
    return 1;
  }
  const Tensor *input = &context->tensors[node->inputs->data[0]];
  const Tensor *output = &context->tensors[node->outputs->data[0]];
  for (size_t i = 0; i < output->bytes; i++) output->data[i] = (int8_t)(input->data[i] + 1);
  return 0;
}

static int prepare(Context *context, Delegate *delegate) {
  IntArray *plan;
  if (context->GetExecutionPlan(context, &plan)) return 1;
  IntArray *claimed = malloc(sizeof *claimed + (size_t)plan->size * sizeof(int));
  claimed->size = 0;
  for (int i = 0; i < plan->size; i++) {
    Node *node;
    Registration *registration;
    if (context->GetNodeAndRegistration(context, plan->data[i], &node, &registration)) return 1;
    if (registration->custom_name && !strcmp(registration->custom_name, "edgetpu-custom-op"))
      claimed->data[claimed->size++] = plan->data[i];
  }
  Registration kernel = {.invoke = invoke, .custom_name = "StubDelegate", .version = 1};
  int status =
      context->ReplaceNodeSubsetsWithDelegateKernels(context, kernel, claimed, delegate);
  free(claimed);
  return status;
}

static void record(const char *what, const char *value) {
  const char *path = getenv("STUB_LOG");
  FILE *log = path ? fopen(path, "a") : NULL;
  if (log == NULL) return;
  fprintf(log, "%s %s\n", what, value);
  fclose(log);
}

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count,
                                        void (*report_error)(const char *)) {
  for (size_t i = 0; i < count; i++) record(keys[i], values[i]);
  if (getenv("STUB_FAILS")) {
    report_error(getenv("STUB_FAILS"));
    return NULL;
  }
  record("created", "");
  Delegate *delegate = calloc(1, sizeof *delegate);
  delegate->Prepare = prepare;
  delegate->flags = 1; /* kTfLiteDelegateFlagsAllowDynamicTensors, as libedgetpu sets it */
  return delegate;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) {
  if (delegate) record("destroyed", "");
  free(delegate);
}

struct device { int type; const char *path; };
struct device *edgetpu_list_devices(size_t *count) {
  *count = getenv("STUB_ABSENT") ? 0 : 1;
  return *count ? calloc(*count, sizeof(struct device)) : NULL;
}
void edgetpu_free_devices(struct device *devices) { free(devices); }
