using System.Text;
using Mcp.Errors;
using Mcp.Native;
using Mcp.Text;

namespace Mcp.Sqlite.Copies;

/// <summary>
/// Copies a database that nobody has open: the file with its log and its journal, byte by byte, then lets SQLite bring the copy in order. It counts only if none of the three
/// changed from before the first byte to after the last. A journal that names a super-journal is refused: it tells SQLite to look for, and to remove, a file elsewhere.
/// </summary>
internal sealed class FileCopy(Folder folder, string staging)
{
    private static readonly string[] Endings = ["", "-wal", "-journal"];

    private readonly byte[] _buffer = new byte[256 * 1024];

    /// <summary>Copies and recovers; null: somebody is at work on it.</summary>
    /// <returns>Bytes of the copy.</returns>
    /// <exception cref="McpException">A planted journal, or there is no room.</exception>
    /// <exception cref="CopyFault">SQLite cannot recover the copy.</exception>
    public long? TryCopy(ReadOnlySpan<byte> name, string target, string shown)
    {
        var before = StatusOf(name);
        CopyRoom.Require(staging, 2 * before.Sum(s => s?.Size ?? 0), shown);
        for (var i = 0; i < Endings.Length; i++)
        {
            if (before[i] is { } status && !TryCopy([.. name, .. Encoding.ASCII.GetBytes(Endings[i])], status, target + Endings[i], shown))
            {
                DatabaseCopier.Remove(target);
                return null;
            }
        }
        if (!before.SequenceEqual(StatusOf(name)))
        {
            DatabaseCopier.Remove(target);
            return null;
        }
        Recover(target);
        return new FileInfo(target).Length;
    }

    // What a killed service left in log or journal goes into the copy; closing it removes both.
    private static void Recover(string target)
    {
        using var copy = SqliteHandle.Open(Encoding.UTF8.GetBytes(target), SqliteHandle.ReadWrite, TimeSpan.Zero);
        copy.Number("PRAGMA schema_version");
        copy.Text("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    private FileStatus?[] StatusOf(ReadOnlySpan<byte> name)
    {
        var status = new FileStatus?[Endings.Length];
        for (var i = 0; i < Endings.Length; i++)
        {
            try
            {
                using var file = folder.OpenFile([.. name, .. Encoding.ASCII.GetBytes(Endings[i])]);
                status[i] = NativeFile.StatusOf(file);
            }
            catch (PathFault e) when (e.Error == PathFault.NotFound)
            {
                status[i] = null;
            }
        }
        return status;
    }

    private bool TryCopy(ReadOnlySpan<byte> name, FileStatus expected, string target, string shown)
    {
        using var from = folder.OpenFile(name);
        var status = NativeFile.StatusOf(from);
        if (!status.IsFile || !status.IsSameFile(expected))
            return false;
        if (name.EndsWith("-journal"u8) && DatabaseHeader.SuperJournalOf(from) is { Length: > 0 } super)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the database {shown} is not copied: its journal names a super-journal ({PrintableBytes.Line(super, 200)})")
            {
                Cause = "a crash in a transaction over several databases leaves one, and so does somebody who wants a file removed",
                Hint = "start the service, so that it finishes its transaction; if it did not write the journal, look at who did",
            };
        }
        using var to = File.OpenHandle(target, FileMode.CreateNew, FileAccess.Write);
        for (var at = 0L; RandomAccess.Read(from, _buffer, at) is var read and > 0; at += read)
            RandomAccess.Write(to, _buffer.AsSpan(0, read), at);
        return true;
    }
}
