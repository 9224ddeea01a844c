using Mcp.Native;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Archive;

/// <summary>Gives a file or folder that was made what its entry says: attributes, owner, mode, time; in this order.</summary>
internal static class EntryStatus
{
    /// <summary>Sets everything.</summary>
    /// <exception cref="PathFault">Not permitted, or the file system has no such thing.</exception>
    public static void Set(SafeFileHandle file, ArchiveEntry entry, bool owners)
    {
        foreach (var attribute in entry.Attributes)
            NativeFile.SetAttribute(file, attribute.Name, attribute.Value);
        // chown clears bits of the mode, and both change no time but that of the last status change.
        if (owners)
            NativeFile.SetOwner(file, entry.User, entry.Group);
        NativeFile.SetMode(file, entry.Mode);
        NativeFile.SetModified(file, entry.ModifiedSeconds, entry.ModifiedNanoseconds);
    }
}
