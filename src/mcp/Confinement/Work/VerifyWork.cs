using Google.Protobuf;
using Mcp.Archive;
using Mcp.Confined.V1;
using Mcp.Native;
using Mcp.Sqlite.Copies;
using Mcp.V1;

namespace Mcp.Confinement.Work;

/// <summary>
/// Reads an archive as an import would and keeps nothing of it: each database is taken out into the scratch folder, checked, and removed before the
/// next, so that room is needed for the largest one alone.
/// </summary>
internal static class VerifyWork
{
    private static ReadOnlySpan<byte> Name => "database"u8;

    /// <summary>Does it.</summary>
    /// <exception cref="ArchiveException">The archive breaks a rule or was cut.</exception>
    public static VerifyResult Do(VerifyJob job, WorkPort port)
    {
        using var scratch = Folder.Open(job.Scratch);
        var digest = new DigestStream(new ZstdInput(port.Input), leaveOpen: false);
        using var ahead = new ReadAhead(digest);
        var reader = new ArchiveReader(ahead, new ArchiveLimits());
        var result = new VerifyResult { Came = new StreamTrailer() };
        var buffer = new byte[256 * 1024];
        while (reader.Next() is { } entry)
        {
            if (entry.Kind != EntryKind.File || entry.Size < 100 || result.Damaged.Length > 0)
                continue;
            var length = Fill(reader, buffer);
            if (buffer.AsSpan(0, length).StartsWith(DatabaseHeader.Magic))
                Check(scratch, reader, entry, buffer, length, result);
        }
        (result.Came.Sha256, result.Came.Bytes, result.Came.Entries) = (digest.Sha256, (ulong)digest.Count, (ulong)reader.Entries);
        return result;
    }

    private static void Check(Folder scratch, ArchiveReader reader, ArchiveEntry entry, byte[] buffer, int length, VerifyResult result)
    {
        using (var file = scratch.CreateFile(Name, 0x180))
        {
            for (var at = 0L; length > 0; length = Fill(reader, buffer))
            {
                Holes.Write(file, buffer.AsSpan(0, length), at);
                at += length;
            }
            RandomAccess.SetLength(file, entry.Size);
        }
        try
        {
            foreach (var copy in StagedDatabases.Check(scratch, CancellationToken.None))
            {
                copy.Path = ByteString.CopyFrom(entry.Name);
                result.Came.Databases.Add(copy);
            }
        }
        catch (ArchiveException e)
        {
            result.Damaged = new ArchiveException(e.Rule, entry.Name).Message;
        }
        StagedDatabases.DropCompanions(scratch, Name);
        scratch.Remove(Name);
    }

    private static int Fill(ArchiveReader reader, byte[] buffer)
    {
        var length = 0;
        while (length < buffer.Length && reader.Read(buffer.AsSpan(length)) is var read and > 0)
            length += read;
        return length;
    }
}
