// Runs before the runtime. The compiler stores the program's type tables packed; the runtime unpacks them at every start into memory that the
// kernel would hand out page by page, some 1900 faults and a third of the whole start. Asked for at once, and in huge pages where the kernel
// has them to give (/sys/kernel/mm/transparent_hugepage/enabled: always or madvise), it is a few. It is memory that is used anyway.
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 // Linux 5.14; an older kernel refuses it, and the pages come one by one as before.
#endif

// Set by the linker: the zeroed part of the file's memory, of which the tables' room is nearly all.
extern char __bss_start[], _end[];

__attribute__((constructor)) static void ask_for_memory_at_once(void)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)__bss_start + page - 1) & ~(page - 1), last = (uintptr_t)_end & ~(page - 1);
    // Advice: a refusal changes nothing but the time.
    madvise((void *)first, last - first, MADV_HUGEPAGE);
    madvise((void *)first, last - first, MADV_POPULATE_WRITE);
}
