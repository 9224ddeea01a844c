using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Confinement.Walls;

/// <summary>
/// landlock(7): from <see cref="Enforce"/> on, this thread and what it executes reach only the files that were allowed. Asked for is all that the kernel's
/// version knows; what a newer kernel could deny in addition is not missed, for the system call filter stands in front of it.
/// </summary>
internal sealed unsafe partial class Landlock : IDisposable
{
    // linux/landlock.h; the numbers of the three calls are the same on every architecture.
    private const long CreateRuleset = 444, AddRule = 445, RestrictSelf = 446;
    private const ulong Execute = 1 << 0, WriteFile = 1 << 1, ReadFile = 1 << 2, ReadFolder = 1 << 3;
    private const ulong RemoveFolder = 1 << 4, RemoveFile = 1 << 5, MakeFolder = 1 << 7, MakeFile = 1 << 8, MakeLink = 1 << 12, MoveAcross = 1 << 13, Truncate = 1 << 14;
    private const int PathBeneath = 1, VersionFlag = 1;

    private const int PathOnly = 0x200000, CloseOnExec = 0x80000;

    private readonly SafeFileHandle _ruleset;
    private readonly ulong _handled;

    private Landlock(SafeFileHandle ruleset, ulong handled, int version) => (_ruleset, _handled, Version) = (ruleset, handled, version);

    /// <summary>The kernel's version of it.</summary>
    public int Version { get; }

    /// <summary>The version that this kernel offers; 0: none, or it is switched off.</summary>
    public static int KernelVersion => Math.Max(0, (int)Syscall(CreateRuleset, null, 0, VersionFlag));

    /// <summary>Begins with everything denied; null where the kernel has none.</summary>
    /// <exception cref="WallException">It has one and refuses.</exception>
    public static Landlock? Create()
    {
        var version = KernelVersion;
        if (version < 1)
            return null;
        // Each version knows the rights before it: 13 in the first, then moving across folders, truncation, and device control in the fifth.
        var handled = (1UL << 13) - 1 | (version >= 2 ? MoveAcross : 0) | (version >= 3 ? Truncate : 0) | (version >= 5 ? 1UL << 15 : 0);
        var attributes = stackalloc ulong[3] { handled, version >= 4 ? 3UL : 0, version >= 6 ? 3UL : 0 };
        var size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
        var ruleset = Syscall(CreateRuleset, attributes, size, 0);
        return ruleset >= 0 ? new Landlock(new SafeFileHandle((nint)ruleset, ownsHandle: true), handled, version) : throw WallException.Last("landlock_create_ruleset");
    }

    /// <summary>Allows to read below a folder, or one file.</summary>
    public void AllowReading(string path) => Allow(path, ReadFile | ReadFolder);

    /// <summary>Allows to read and execute below a folder, or one file.</summary>
    public void AllowExecuting(string path) => Allow(path, ReadFile | ReadFolder | Execute);

    /// <summary>Allows to read, make, change and remove files, folders and links; not devices, sockets and FIFOs.</summary>
    public void AllowWriting(string path) => Allow(path, ReadFile | ReadFolder | WriteFile | RemoveFolder | RemoveFile | MakeFolder | MakeFile | MakeLink | MoveAcross | Truncate);

    /// <summary>As <see cref="AllowReading"/>, where it is no matter if the path is not there.</summary>
    public void AllowReadingIfThere(string path, bool executing = false)
    {
        if (Path.Exists(path))
            Allow(path, ReadFile | ReadFolder | (executing ? Execute : 0));
    }

    /// <summary>Makes it law for this thread and for whatever it executes. There is no way back.</summary>
    /// <exception cref="WallException">The kernel refuses.</exception>
    public void Enforce()
    {
        if (Syscall(RestrictSelf, (void*)_ruleset.DangerousGetHandle(), 0, 0) != 0)
            throw WallException.Last("landlock_restrict_self");
    }

    /// <inheritdoc/>
    public void Dispose() => _ruleset.Dispose();

    private void Allow(string path, ulong rights)
    {
        var descriptor = Open(path, PathOnly | CloseOnExec, 0);
        if (descriptor < 0)
            throw WallException.Last($"open of {path}");
        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        // A rule on a file may hold only what files have.
        if (!Native.NativeFile.StatusOf(handle).IsFolder)
            rights &= Execute | WriteFile | ReadFile | Truncate;
        // struct landlock_path_beneath_attr is packed: 8 bytes of rights, 4 of descriptor.
        var rule = stackalloc byte[12];
        *(ulong*)rule = rights & _handled;
        *(int*)(rule + 8) = descriptor;
        if (AddPathRule(AddRule, (int)_ruleset.DangerousGetHandle(), PathBeneath, rule, 0) != 0)
            throw WallException.Last($"landlock_add_rule of {path}");
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long Syscall(long number, void* first, nint second, nint third);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long AddPathRule(long number, nint ruleset, nint kind, byte* rule, nint flags);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, uint mode);
}
