using Mcp.Native;
using Mcp.Text;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Archive;

/// <summary>Gives a file or folder that was made what its entry says: attributes, owner, mode, time; in this order.</summary>
internal static class EntryStatus
{
    /// <summary>Sets everything.</summary>
    /// <exception cref="ArchiveException">Not permitted, or this file system has no such thing; the entry and the thing are named.</exception>
    /// <exception cref="PathFault">The disk is full or failed.</exception>
    public static void Set(SafeFileHandle file, ArchiveEntry entry, bool owners)
    {
        var what = "";
        try
        {
            foreach (var attribute in entry.Attributes)
            {
                what = $"the attribute {PrintableBytes.Line(attribute.Name, 80)}";
                NativeFile.SetAttribute(file, attribute.Name, attribute.Value);
            }
            // chown clears bits of the mode, and both change no time but that of the last status change.
            what = $"the owner {entry.User}:{entry.Group}";
            if (owners)
                NativeFile.SetOwner(file, entry.User, entry.Group);
            what = "a mode or a time";
            NativeFile.SetMode(file, entry.Mode);
            NativeFile.SetModified(file, entry.ModifiedSeconds, entry.ModifiedNanoseconds);
        }
        catch (PathFault e) when (!e.IsOfTheMachine || IsForWantOfAttributeRoom(e, file))
        {
            throw new ArchiveException($"has {what}, which cannot be set here ({e.Message})", entry.Name, e);
        }
    }

    // ext4 keeps a file's attributes in one block and says "no space" of what does not fit there, on an empty disk as well (xattr(7)).
    private static bool IsForWantOfAttributeRoom(PathFault fault, SafeFileHandle file) =>
        fault.Error == PathFault.NoSpace && FileSystemRoom.Of(file).FreeBytes > ArchiveLimits.ExtendedHeader;
}
