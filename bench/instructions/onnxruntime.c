// Runs an ONNX model with one float32 input on one thread of ONNX Runtime: onnxruntime MODEL RUNS DIM... prints the first outputs.
#include <onnxruntime_c_api.h>
#include <stdio.h>
#include <stdlib.h>

static const OrtApi *ort;

static void check(OrtStatus *status) {
  if (status) {
    fprintf(stderr, "onnxruntime: %s\n", ort->GetErrorMessage(status));
    exit(1);
  }
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: onnxruntime MODEL RUNS DIM...\n");
    return 1;
  }
  ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);
  OrtEnv *env;
  OrtSessionOptions *options;
  OrtSession *session;
  OrtAllocator *allocator;
  OrtMemoryInfo *memory;
  check(ort->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "instructions", &env));
  check(ort->CreateSessionOptions(&options));
  check(ort->SetIntraOpNumThreads(options, 1));
  check(ort->SetInterOpNumThreads(options, 1));
  check(ort->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL));
  check(ort->CreateSession(env, argv[1], options, &session));
  check(ort->GetAllocatorWithDefaultOptions(&allocator));
  check(ort->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));

  char *in, *out;
  check(ort->SessionGetInputName(session, 0, allocator, &in));
  check(ort->SessionGetOutputName(session, 0, allocator, &out));
  int64_t shape[8];
  size_t rank = 0, n = 1;
  for (int i = 3; i < argc && rank < 8; i++) {
    n *= shape[rank++] = atoll(argv[i]);
  }
  float *x = malloc(n * sizeof *x);
  for (size_t i = 0; i < n; i++) {
    x[i] = (float)(i % 257) / 128 - 1;
  }
  OrtValue *input;
  check(ort->CreateTensorWithDataAsOrtValue(memory, x, n * sizeof *x, shape, rank, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input));
  for (int run = atoi(argv[2]); run > 0; run--) {
    OrtValue *output = NULL;
    float *y;
    check(ort->Run(session, NULL, (const char *const *)&in, (const OrtValue *const *)&input, 1, (const char *const *)&out, 1, &output));
    check(ort->GetTensorMutableData(output, (void **)&y));
    if (run == 1) {
      printf("%g %g %g\n", y[0], y[1], y[2]);
    }
    ort->ReleaseValue(output);
  }
  return 0;
}
