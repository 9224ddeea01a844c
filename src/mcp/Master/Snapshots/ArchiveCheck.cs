using Mcp.Archive;

namespace Mcp.Master.Snapshots;

/// <summary>What is true of an archive, by its bytes.</summary>
/// <param name="Sha256">Of the uncompressed tar.</param>
/// <param name="Bytes">Of the uncompressed tar.</param>
/// <param name="Entries">How many.</param>
internal sealed record ArchiveFacts(string Sha256, ulong Bytes, ulong Entries);

/// <summary>Reads a whole archive with the rules of import and writes nothing: every zstd checksum, every header, the end and what follows it.</summary>
internal static class ArchiveCheck
{
    /// <summary>Reads to the end.</summary>
    /// <param name="compressed">The .tar.zst.</param>
    /// <param name="cancellation">Between entries.</param>
    /// <exception cref="ArchiveException">It is damaged, cut, or breaks a rule.</exception>
    public static ArchiveFacts Read(Stream compressed, CancellationToken cancellation)
    {
        using var zstd = new ZstdInput(compressed);
        using var digest = new DigestStream(zstd);
        var reader = new ArchiveReader(digest, new ArchiveLimits());
        while (reader.Next() is not null)
            cancellation.ThrowIfCancellationRequested();
        return new ArchiveFacts(digest.Sha256, (ulong)digest.Count, (ulong)reader.Entries);
    }
}
