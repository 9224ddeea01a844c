using System.Globalization;
using Mcp.Text;

namespace Mcp.Master.Snapshots;

/// <summary>
/// The file name of an archive: the second in which it was begun, and <c>-2</c>, <c>-3</c>, … for others of the same second:
/// <c>2026-04-01T00:00:00Z.tar.zst</c>. Names are made here and nowhere else; whatever else lies in the folder is not a snapshot.
/// </summary>
internal static class SnapshotName
{
    /// <summary>Of the archive.</summary>
    public const string Extension = ".tar.zst";

    /// <summary>A name that <paramref name="isTaken"/> does not know.</summary>
    public static string New(DateTimeOffset at, Func<string, bool> isTaken)
    {
        var stem = Timestamp.Format(at);
        for (var number = 1; ; number++)
        {
            var name = number == 1 ? stem + Extension : string.Create(CultureInfo.InvariantCulture, $"{stem}-{number}{Extension}");
            if (!isTaken(name))
                return name;
        }
    }

    /// <summary>Whether a file of this name is an archive of ours.</summary>
    public static bool IsOne(string name)
    {
        if (!name.EndsWith(Extension, StringComparison.Ordinal))
            return false;
        var stem = name.AsSpan(0, name.Length - Extension.Length);
        if (stem.Length < 20 || Timestamp.Read(stem[..20].ToString()) is not { } at || Timestamp.Format(at) != stem[..20].ToString())
            return false;
        var rest = stem[20..];
        return rest.Length == 0 || (rest is ['-', >= '1' and <= '9', ..] && rest.Length <= 9 && !rest[1..].ContainsAnyExceptInRange('0', '9'));
    }

    /// <summary>The name of the description beside an archive.</summary>
    public static string Description(string archive) => archive[..^Extension.Length] + ".json";

    /// <summary>The name of the archive that a description is of; null: it is none.</summary>
    public static string? ArchiveOf(string description) =>
        description.EndsWith(".json", StringComparison.Ordinal) && description[..^5] + Extension is var archive && IsOne(archive) ? archive : null;
}
