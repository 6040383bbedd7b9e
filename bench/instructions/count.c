// A plugin of QEMU's user emulation: how many arm64 instructions a program ran, and how many of them were FMAs of four float32. docs/arm.md has the commands.
//
// The declarations are those of version 1 of QEMU's plugin interface, so that no source of QEMU is needed.
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef uint64_t plugin_id;
struct tb;
struct insn;
extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct tb *));
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct tb *, int op, void *counter, uint64_t add);
extern void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
extern size_t qemu_plugin_tb_n_insns(const struct tb *);
extern struct insn *qemu_plugin_tb_get_insn(const struct tb *, size_t);
extern const void *qemu_plugin_insn_data(const struct insn *);
extern void qemu_plugin_outs(const char *);

int qemu_plugin_version = 1;

static uint64_t instructions, fmas; // threads add to them without a lock: count programs with one that works

// FMLA and FMLS of .4s, by vector and by element.
static int is_fma(uint32_t w) {
  return (w & 0xFF60FC00) == 0x4E20CC00 || (w & 0xFFC0B400) == 0x4F801000;
}

static void translated(plugin_id id, struct tb *tb) {
  size_t n = qemu_plugin_tb_n_insns(tb), found = 0;
  for (size_t i = 0; i < n; i++) {
    found += is_fma(*(const uint32_t *)qemu_plugin_insn_data(qemu_plugin_tb_get_insn(tb, i)));
  }
  qemu_plugin_register_vcpu_tb_exec_inline(tb, 0, &instructions, n);
  if (found) {
    qemu_plugin_register_vcpu_tb_exec_inline(tb, 0, &fmas, found);
  }
}

static void finished(plugin_id id, void *unused) {
  char line[100];
  snprintf(line, sizeof line, "%" PRIu64 " instructions, %" PRIu64 " vector FMAs\n", instructions, fmas);
  qemu_plugin_outs(line);
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv) {
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, finished, NULL);
  return 0;
}
