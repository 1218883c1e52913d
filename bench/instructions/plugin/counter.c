// A plugin for qemu's user-mode emulation. It counts the instructions of each
// thread. When a thread writes to standard output, the plugin prints how many
// instructions that thread has executed so far.
//
// The declarations are those of qemu-plugin.h, which Debian does not package:
// https://www.qemu.org/docs/master/devel/tcg-plugins.html

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_info;
struct qemu_plugin_tb;

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, void (*)(unsigned int, void *), int flags, void *);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, unsigned int, int64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

enum { threads = 1024, no_registers = 0, write_amd64 = 1, write_arm64 = 64, standard_output = 1 };

static uint64_t executed[threads];

static void execute(unsigned int thread, void *instructions)
{
	executed[thread % threads] += (uintptr_t)instructions;
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(block, execute, no_registers, (void *)(uintptr_t)qemu_plugin_tb_n_insns(block));
}

static void syscall(qemu_plugin_id_t id, unsigned int thread, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3,
	uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
	(void)id, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
	if ((number == write_amd64 || number == write_arm64) && a1 == standard_output) {
		printf("%llu instructions\n", (unsigned long long)executed[thread % threads]);
		fflush(stdout);
	}
}

__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info, (void)argc, (void)argv;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	qemu_plugin_register_vcpu_syscall_cb(id, syscall);
	return 0;
}
