using System.Runtime.InteropServices;

namespace Mcp.Confinement.Walls;

/// <summary>What a process may take of the machine, and what of root's powers it keeps.</summary>
internal static partial class ProcessLimits
{
    // sys/resource.h, sys/prctl.h, sched.h
    private const int ProcessorTime = 0, FileSize = 1, WritableMemory = 2, CoreSize = 4, OpenFiles = 7;
    private const int DropBound = 24, NoNewPrivileges = 38, Ambient = 47, ClearAmbient = 4;
    private const int NewNetwork = 0x40000000;

    // linux/capability.h: CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER: files of any owner within the folders, read and written with their owners.
    private const int KeptPowers = 4, LastPower = 63;

    /// <summary>
    /// Lowers the limits. Memory is limited by what can be written to (RLIMIT_DATA), not by addresses (RLIMIT_AS): the runtime reserves hundreds of gigabytes of the latter
    /// without using them. No core file: it would hold what the service's files hold.
    /// </summary>
    /// <exception cref="WallException">The kernel refuses.</exception>
    public static void Lower(ConfinedFolders folders)
    {
        Limit(CoreSize, 0);
        Limit(OpenFiles, 1024);
        Limit(WritableMemory, (ulong)folders.Memory);
        Limit(ProcessorTime, (ulong)folders.ProcessorTime.TotalSeconds);
        if (folders.LargestFile is { } largest)
            Limit(FileSize, (ulong)largest);
    }

    /// <summary>Nothing that is executed from here on gains a privilege; without this an ordinary user may raise neither of the other walls.</summary>
    /// <exception cref="WallException">The kernel refuses.</exception>
    public static void GainNothing()
    {
        if (ProcessControl(NoNewPrivileges, 1, 0, 0, 0) != 0)
            throw WallException.Last("prctl(PR_SET_NO_NEW_PRIVS)");
    }

    /// <summary>Of root's powers keeps those over files, with effect from the next execve on. A user without powers has none to lose.</summary>
    public static void DropPowers()
    {
        _ = ProcessControl(Ambient, ClearAmbient, 0, 0, 0);
        for (var power = KeptPowers; power <= LastPower; power++)
        {
            // Refused for numbers that this kernel does not know, and for a user who has no powers.
            _ = ProcessControl(DropBound, power, 0, 0, 0);
        }
    }

    /// <summary>Moves into a network of its own with nothing in it; false: not permitted to this user.</summary>
    public static bool TryLeaveNetwork() => Unshare(NewNetwork) == 0;

    private static void Limit(int resource, ulong value)
    {
        var current = new ResourceLimit();
        if (GetLimit(resource, ref current) != 0)
            throw WallException.Last("getrlimit");
        // Never above what we were given ourselves.
        var lowered = new ResourceLimit { Soft = Math.Min(value, current.Hard), Hard = Math.Min(value, current.Hard) };
        if (SetLimit(resource, in lowered) != 0)
            throw WallException.Last($"setrlimit({resource})");
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct ResourceLimit
    {
        public ulong Soft;
        public ulong Hard;
    }

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimit(int resource, ref ResourceLimit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetLimit(int resource, in ResourceLimit limit);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int ProcessControl(int what, nint first, nint second, nint third, nint fourth);

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int what);
}
