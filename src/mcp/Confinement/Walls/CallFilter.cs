using System.Runtime.InteropServices;

namespace Mcp.Confinement.Walls;

/// <summary>
/// A filter of system calls (seccomp(2), mode filter) for what Landlock cannot deny or an older kernel's does not: every kind of socket, also the ones that lie as files
/// in /run (podman's own answers to whoever can connect), files by handle (which CAP_DAC_READ_SEARCH would open anywhere), other processes, mounts, namespaces,
/// and the doors through which all of these can be had indirectly. A call that is denied answers EPERM, so that who tries it learns it as a fault and not as a crash.
/// It is a list of what is denied: the runtime of a garbage-collected language needs calls that a list of allowed ones would have to guess.
/// </summary>
internal static unsafe partial class CallFilter
{
    // linux/audit.h
    private const uint Intel = 0xc000003e, Arm = 0xc00000b7;

    // linux/bpf_common.h, linux/seccomp.h
    private const ushort LoadWord = 0x20, JumpIfEqual = 0x15, JumpIfAtLeast = 0x35, Return = 0x06;
    private const uint Allow = 0x7fff0000, NotPermitted = 0x00050001, KillProcess = 0x80000000;

    // x86-64 only: the same calls again with 32-bit pointers (x32).
    private const uint SecondTable = 0x40000000;

    private const int SetFilter = 22, FilterMode = 2;

    // Same numbers on every architecture: pidfd_send_signal, io_uring_setup, _enter and _register, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick,
    // pidfd_open, pidfd_getfd, process_madvise, mount_setattr.
    private static ReadOnlySpan<ushort> Everywhere => [424, 425, 426, 427, 428, 429, 430, 431, 432, 433, 434, 438, 440, 442];

    // asm/unistd_64.h: socket, connect, accept, bind, listen, socketpair, accept4; kill, tkill, rt_sigqueueinfo, rt_tgsigqueueinfo; ptrace, process_vm_readv and
    // _writev, kcmp; mount, umount2, pivot_root, chroot, unshare, setns, mknod, mknodat; name_to_handle_at, open_by_handle_at; init_module, finit_module,
    // delete_module, kexec_load, kexec_file_load, reboot, swapon, acct, quotactl; bpf, perf_event_open, userfaultfd; add_key, request_key, keyctl;
    // settimeofday, clock_settime, adjtimex, clock_adjtime.
    private static ReadOnlySpan<ushort> OnIntel =>
    [
        41, 42, 43, 49, 50, 53, 288, 62, 200, 129, 297, 101, 310, 311, 312, 165, 166, 155, 161, 272, 308, 133, 259, 303, 304, 175, 313, 176, 246, 320, 169, 167, 163, 179, 321, 298, 323,
        248, 249, 250, 164, 227, 159, 305,
    ];

    // asm-generic/unistd.h: the same, of which mknod does not exist.
    private static ReadOnlySpan<ushort> OnArm =>
    [
        198, 203, 202, 200, 201, 199, 242, 129, 130, 138, 240, 117, 270, 271, 272, 40, 39, 41, 51, 97, 268, 33, 264, 265, 105, 273, 106, 104, 294, 142, 224, 89, 60, 280, 241, 282,
        217, 218, 219, 170, 112, 171, 266,
    ];

    /// <summary>Raises it for this thread and for what it executes; "no new privileges" must be set already.</summary>
    /// <exception cref="WallException">The kernel refuses.</exception>
    public static void Raise()
    {
        var program = Program(RuntimeInformation.ProcessArchitecture == Architecture.Arm64);
        fixed (Instruction* start = program)
        {
            var whole = new Whole { Length = (ushort)program.Length, Start = start };
            if (ProcessControl(SetFilter, FilterMode, &whole, 0, 0) != 0)
                throw WallException.Last("prctl(PR_SET_SECCOMP)");
        }
    }

    private static Instruction[] Program(bool arm)
    {
        ushort[] denied = [.. Everywhere, .. arm ? OnArm : OnIntel];
        var program = new List<Instruction>
        {
            // struct seccomp_data: the call's number at 0, the architecture at 4.
            new(LoadWord, 0, 0, 4),
            new(JumpIfEqual, 1, 0, arm ? Arm : Intel),
            new(Return, 0, 0, KillProcess),
            new(LoadWord, 0, 0, 0),
            new(JumpIfAtLeast, 0, 1, SecondTable),
            new(Return, 0, 0, NotPermitted),
        };
        // A jump that is taken passes over the comparisons that follow and over "allow".
        for (var i = 0; i < denied.Length; i++)
            program.Add(new Instruction(JumpIfEqual, (byte)(denied.Length - i), 0, denied[i]));
        program.Add(new Instruction(Return, 0, 0, Allow));
        program.Add(new Instruction(Return, 0, 0, NotPermitted));
        return [.. program];
    }

    // struct sock_filter and sock_fprog, linux/filter.h.
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Instruction(ushort Code, byte IfTrue, byte IfFalse, uint Operand);

    [StructLayout(LayoutKind.Sequential)]
    private struct Whole
    {
        public ushort Length;
        public Instruction* Start;
    }

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int ProcessControl(int what, nint mode, Whole* program, nint unused, nint alsoUnused);
}
