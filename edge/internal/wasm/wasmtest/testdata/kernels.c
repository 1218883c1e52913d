// Typical work of C programs, for tests and benchmarks of metering:
//   clang --target=wasm32 -O2 -mbulk-memory -msign-ext -nostdlib -Wl,--no-entry,--strip-all -o kernels.wasm kernels.c
#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(name)))

static uint32_t seed;
static uint32_t next(void) { return seed = seed * 1664525u + 1013904223u; }

static char text[1 << 14];
static int32_t numbers[1 << 12];
static double a[32][32], b[32][32], c[32][32];

static int is_space(char x) { return x == ' ' || x == '\n' || x == '\t'; }

// strings: writes words, then splits them, lowers them and hashes them.
EXPORT("strings") uint64_t strings(uint32_t n) {
  uint64_t hash = 14695981039346656037u;
  for (uint32_t round = 0; round < n; round++) {
    seed = round;
    for (size_t i = 0; i < sizeof text; i++) {
      uint32_t r = next() >> 24;
      text[i] = r < 40 ? ' ' : 'A' + r % 26;
    }
    for (size_t i = 0; i < sizeof text;) {
      while (i < sizeof text && is_space(text[i])) i++;
      while (i < sizeof text && !is_space(text[i])) {
        char x = text[i++];
        if (x >= 'A' && x <= 'Z') x += 'a' - 'A';
        hash = (hash ^ (uint8_t)x) * 1099511628211u;
      }
    }
  }
  return hash;
}

static void quick(int32_t *x, int lo, int hi) {
  while (lo < hi) {
    int32_t p = x[lo + (hi - lo) / 2];
    int i = lo, j = hi;
    while (i <= j) {
      while (x[i] < p) i++;
      while (x[j] > p) j--;
      if (i <= j) {
        int32_t t = x[i];
        x[i++] = x[j];
        x[j--] = t;
      }
    }
    quick(x, lo, j);
    lo = i;
  }
}

// sorting: sorts 4,096 numbers, n times.
EXPORT("sorting") uint64_t sorting(uint32_t n) {
  uint64_t sum = 0;
  for (uint32_t round = 0; round < n; round++) {
    seed = round;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) numbers[i] = (int32_t)next();
    quick(numbers, 0, sizeof numbers / sizeof *numbers - 1);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sum = sum * 31 + (uint32_t)numbers[i];
  }
  return sum;
}

// matrix: multiplies matrices of doubles, n times.
EXPORT("matrix") uint64_t matrix(uint32_t n) {
  for (int i = 0; i < 32; i++)
    for (int j = 0; j < 32; j++) a[i][j] = i + j, b[i][j] = i - j, c[i][j] = 0;
  for (uint32_t round = 0; round < n; round++)
    for (int i = 0; i < 32; i++)
      for (int j = 0; j < 32; j++) {
        double sum = 0;
        for (int k = 0; k < 32; k++) sum += a[i][k] * b[k][j];
        c[i][j] += sum / (double)(round + 1);
      }
  double sum = 0;
  for (int i = 0; i < 32; i++)
    for (int j = 0; j < 32; j++) sum += c[i][j];
  return (uint64_t)(int64_t)sum;
}

static uint32_t fib_slow(uint32_t n) { return n < 2 ? n : fib_slow(n - 1) + fib_slow(n - 2); }

// fibonacci: nothing but calls.
EXPORT("fibonacci") uint64_t fibonacci(uint32_t n) { return fib_slow(n % 32); }

typedef uint32_t (*op)(uint32_t, uint32_t);
static uint32_t plus(uint32_t x, uint32_t y) { return x + y; }
static uint32_t minus(uint32_t x, uint32_t y) { return x - y; }
static uint32_t times(uint32_t x, uint32_t y) { return x * y; }
static uint32_t over(uint32_t x, uint32_t y) { return y ? x / y : 0; }
static const op ops[] = {plus, minus, times, over};

// interpreter: a switch and calls through a table.
EXPORT("interpreter") uint64_t interpreter(uint32_t n) {
  uint32_t stack[4] = {1, 2, 3, 4};
  seed = n;
  for (uint32_t i = 0; i < n * 100; i++) {
    uint32_t r = next() >> 16;
    switch (r % 7) {
      case 0: stack[0] = r; break;
      case 1: stack[1] ^= stack[0]; break;
      case 2: stack[2] = stack[2] << 3 | stack[2] >> 29; break;
      case 3: __builtin_memmove(stack + 1, stack, 12); break;
      default: stack[r & 3] = ops[r >> 4 & 3](stack[r >> 6 & 3], stack[r >> 8 & 3]);
    }
  }
  return (uint64_t)stack[0] << 32 | (stack[1] ^ stack[2] ^ stack[3]);
}
