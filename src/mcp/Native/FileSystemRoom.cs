using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Native;

/// <summary>How much room a file system has (statvfs(3)).</summary>
/// <param name="TotalBytes">All of it.</param>
/// <param name="FreeBytes">For users who are not root.</param>
/// <param name="TotalFiles">How many files it can hold; 0: it does not count them.</param>
/// <param name="FreeFiles">How many more it can hold.</param>
internal readonly partial record struct FileSystemRoom(long TotalBytes, long FreeBytes, long TotalFiles, long FreeFiles)
{
    /// <summary>Of the file system that an open file or folder is on.</summary>
    /// <exception cref="PathFault">The kernel did not say.</exception>
    public static unsafe FileSystemRoom Of(SafeFileHandle file)
    {
        // struct statvfs on 64 bits: f_bsize, f_frsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_favail, …; 8 bytes each, 112 in all.
        var facts = stackalloc ulong[32];
        if (Status(file, facts) != 0)
            throw PathFault.Last("fstatvfs", "a file system"u8);
        var block = facts[1];
        return new FileSystemRoom(Bounded(facts[2] * block), Bounded(facts[4] * block), Bounded(facts[5]), Bounded(facts[7]));
    }

    private static long Bounded(ulong number) => (long)Math.Min(number, long.MaxValue);

    [LibraryImport("libc", EntryPoint = "fstatvfs", SetLastError = true)]
    private static unsafe partial int Status(SafeFileHandle file, ulong* facts);
}
