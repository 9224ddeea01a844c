using System.Runtime.InteropServices;

namespace Mcp.Cli.Doctor;

/// <summary>Whether this kernel has what the agent confines itself and handles data folders with.</summary>
internal sealed partial class KernelCheck() : DoctorCheck("kernel")
{
    // openat2(2) and landlock_create_ruleset(2) have one number on every architecture; renameat2(2) is older and has not.
    private const long OpenAt2 = 437, CreateRuleset = 444;

    private const int NotImplemented = 38;

    /// <inheritdoc/>
    public override Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, CancellationToken cancel) =>
        Task.FromResult(scene.IsNode || scene.Master is not null ? Judge(Release(scene), HasOpenAt2(), HasRenameAt2(), LandlockVersion()) : []);

    /// <summary>The verdict on what the kernel can do.</summary>
    public IReadOnlyList<DoctorLine> Judge(string release, bool openAt2, bool renameAt2, int landlock)
    {
        var lines = new List<DoctorLine>();
        if (!openAt2)
            lines.Add(Error($"Linux {release} has no openat2: folders of services cannot be opened safely", "a kernel of 5.6 or later"));
        if (!renameAt2)
            lines.Add(Error($"Linux {release} has no renameat2: folders cannot be put in place without a gap", "a kernel of 3.15 or later, and a file system that knows it"));
        if (landlock < 1)
            lines.Add(Warning($"Linux {release} has no Landlock, or it is switched off: readers of foreign files are not confined", "a kernel of 5.13 or later with lsm=landlock,… on its command line"));
        if (lines.Count == 0)
            lines.Add(Ok($"Linux {release}, openat2, renameat2, Landlock {landlock}"));
        return lines;
    }

    private static string Release(DoctorScene scene) => scene.ReadText("/proc/sys/kernel/osrelease")?.Trim() ?? "unknown";

    // Asked with nonsense: any refusal but "not implemented" comes from a kernel that knows the call.
    private static bool HasOpenAt2() => Syscall(OpenAt2, -1, 0, 0, 0) != -1 || Marshal.GetLastPInvokeError() != NotImplemented;

    private static bool HasRenameAt2() => RenameAt2(-1, "", -1, "", 0) != -1 || Marshal.GetLastPInvokeError() != NotImplemented;

    // LANDLOCK_CREATE_RULESET_VERSION = 1: answers the version and makes nothing.
    private static int LandlockVersion() => (int)Syscall(CreateRuleset, 0, 0, 1, 0);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long Syscall(long number, nint first, nint second, nint third, nint fourth);

    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameAt2(int from, string name, int to, string newName, uint flags);
}
