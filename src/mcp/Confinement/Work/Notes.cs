using Google.Protobuf;
using Mcp.Archive;
using Mcp.V1;

namespace Mcp.Confinement.Work;

/// <summary>Names of what was left out, as they travel. A trailer is one message, whatever a service called a million sockets.</summary>
internal static class Notes
{
    private const int MostBytes = 768 * 1024;

    /// <summary>The notes as far as they fit, and one that counts the rest.</summary>
    public static IEnumerable<SkippedEntry> Of(IReadOnlyList<ExportNote> notes, long count)
    {
        var room = MostBytes;
        var said = 0L;
        foreach (var note in notes)
        {
            room -= note.Name.Length + 2 * note.Rule.Length + 16;
            if (room < 0)
                break;
            said++;
            yield return new SkippedEntry { Path = ByteString.CopyFrom(note.Name), Rule = note.Rule };
        }
        if (said < count)
            yield return new SkippedEntry { Rule = $"and {count - said} more" };
    }
}
