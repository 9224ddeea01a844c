using Mcp.Native;
using Mcp.Text;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Archive;

/// <summary>The extended attributes of a file that travel: those of <c>user.*</c>, as far as they fit into one extended header.</summary>
internal static class ExportedAttributes
{
    // The rest of the header holds a path, a link and numbers at their longest.
    private const int Room = ArchiveLimits.ExtendedHeader - 2 * ArchiveLimits.PathBytes - 1024;

    /// <summary>Reads them; what does not travel is added to <paramref name="leftOut"/> in words.</summary>
    public static List<EntryAttribute> Of(SafeFileHandle file, List<string> leftOut)
    {
        var kept = new List<EntryAttribute>();
        var room = Room;
        foreach (var name in NativeFile.AttributeNames(file))
        {
            if (!EntryRules.Travels(name))
            {
                // Every file of an SELinux machine has this one, and the policy of the next machine gives it anew.
                if (!name.AsSpan().SequenceEqual("security.selinux"u8))
                    leftOut.Add($"its attribute {PrintableBytes.Line(name, 80)}");
                continue;
            }
            var value = NativeFile.Attribute(file, name);
            room -= name.Length + value.Length + 32;
            if (room < 0)
                leftOut.Add($"its attribute {PrintableBytes.Line(name, 80)}, for which there is no room");
            else
                kept.Add(new EntryAttribute(name, value));
        }
        return kept;
    }
}
