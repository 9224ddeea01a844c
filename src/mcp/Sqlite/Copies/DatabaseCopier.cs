using Mcp.Errors;
using Mcp.Native;
using Mcp.Text;
using SQLitePCL;

namespace Mcp.Sqlite.Copies;

/// <summary>A consistent copy of a database.</summary>
/// <param name="Method">"backup", "vacuum" or "file".</param>
/// <param name="Bytes">Its size.</param>
internal sealed record DatabaseCopied(string Method, long Bytes);

/// <summary>
/// Copies a database of a service, which may be at work on it or may have been killed over it, without ever writing beside it.
/// <para>
/// 1 It is opened for reading alone. With a write-ahead log that works exactly while the service has it open: the index of the log (<c>-shm</c>) is then there, and
/// SQLite takes it read-only when it may not write (as behind the walls, where the whole folder cannot be written). The reader locks a mark of the index, so that a
/// checkpoint leaves what it reads; writers never wait for it. Everything SQLite would want to do to the files beyond reading is refused by the kernel.
/// 2 One read transaction spans the whole copy, in steps only so that progress is seen. Without a write-ahead log a reader keeps writers out, so there the lock is
/// given back after every step; a write in between begins the copy anew, which is borne <see cref="MostRestarts"/> times and then, if the database is small, copied at one go.
/// 3 Where a fifth of the pages is free, VACUUM INTO writes only the rest.
/// 4 Where reading alone does not do, nobody has the database open, or it was left by a crash: log to recover, journal to roll back. Then file, log and journal are
/// copied as they are, which counts if none of them changed meanwhile, and SQLite recovers the copy.
/// </para>
/// The copy is not checked here; see <see cref="DatabaseCheck"/>.
/// </summary>
/// <param name="folder">The service's folder, in which names are opened without following links.</param>
/// <param name="path">Its absolute path, bytes.</param>
/// <param name="staging">A folder that only we write to, on the same file system or another.</param>
/// <param name="patience">How long a locked database is waited for.</param>
/// <param name="progress">Told bytes so far and altogether.</param>
internal sealed class DatabaseCopier(Folder folder, byte[] path, string staging, TimeSpan patience, Action<long, long> progress)
{
    /// <summary>How often a copy without a write-ahead log begins anew because of a write.</summary>
    public const int MostRestarts = 5;

    /// <summary>Databases of up to this many bytes may hold writers up as a whole: at 400 MB/s less than a second.</summary>
    private const long AtOneGo = 256L << 20;

    // What a step copies: some 10 ms of work, and the longest time that a writer without a write-ahead log waits for us.
    private const long StepBytes = 4L << 20;

    private const int MostTries = 8;

    /// <summary>Copies the database <paramref name="name"/> (from the service's folder on) to <paramref name="target"/>, a new file.</summary>
    /// <exception cref="McpException">It is locked, there is no room, or what lies there is no database that can be copied.</exception>
    public DatabaseCopied Copy(ReadOnlySpan<byte> name, string target, CancellationToken cancellation)
    {
        var shown = PrintableBytes.Line(name, 300);
        for (var attempt = 1; ; attempt++)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return CopyAsItLies(name, target, shown, cancellation);
            }
            catch (CopyFault e) when (e.NeedsWriting)
            {
                Remove(target);
                if (new FileCopy(folder, staging).TryCopy(name, target, shown) is { } bytes)
                    return new DatabaseCopied("file", bytes);
                // Somebody has opened it since: then it can be read as it lies.
                if (attempt == MostTries)
                    throw Fault(FaultCode.Aborted, shown, "could not be copied: its files change, and it cannot be read while they do", e, "take the snapshot with the service stopped");
                Wait(TimeSpan.FromMilliseconds(100 * attempt), cancellation);
            }
            catch (CopyFault e) when (e.IsLocked)
            {
                Remove(target);
                throw Fault(FaultCode.Unavailable, shown, $"is locked: its service did not let go of it within {patience.TotalSeconds:0} s", e,
                    "use PRAGMA journal_mode=WAL without locking_mode=EXCLUSIVE in the service, or give it a snapshot method of its own ([snapshot] method)");
            }
            catch (CopyFault e) when (e.IsFull)
            {
                Remove(target);
                throw Fault(FaultCode.ResourceExhausted, shown, "could not be copied: the disk is full", e, "free some space on the data file system");
            }
            catch (CopyFault e)
            {
                Remove(target);
                throw Fault(FaultCode.DataLoss, shown, "could not be copied", e, $"is it whole? sqlite3 {shown} 'PRAGMA integrity_check'; or leave it out: [snapshot] exclude");
            }
        }
    }

    private DatabaseCopied CopyAsItLies(ReadOnlySpan<byte> name, string target, string shown, CancellationToken cancellation)
    {
        using var source = SqliteHandle.Open([.. path, (byte)'/', .. name], SqliteHandle.ReadOnly, patience);
        source.Execute("BEGIN");
        // The first read: here the locks are taken, or it turns out that a read is not enough.
        var pages = source.Number("PRAGMA page_count");
        var (size, free) = (source.Number("PRAGMA page_size"), source.Number("PRAGMA freelist_count"));
        var wal = source.Text("PRAGMA journal_mode") == "wal";
        CopyRoom.Require(staging, (pages - free) * size, shown);
        if (pages > 0 && free * 5 >= pages && (wal || pages * size <= AtOneGo) && TryVacuum(source, target))
        {
            using var made = File.OpenHandle(target, FileMode.Open, FileAccess.ReadWrite);
            if (wal)
                DatabaseHeader.MarkAsWal(made);
            return new DatabaseCopied("vacuum", RandomAccess.GetLength(made));
        }
        CopyRoom.Require(staging, pages * size, shown);
        if (wal)
            Backup(source, target, size, held: true, cancellation);
        else
            BackupBetweenWrites(source, target, pages, size, shown, cancellation);
        return new DatabaseCopied("backup", new FileInfo(target).Length);
    }

    // Fails on what only the application has: a collation, a function. Such a database is copied page by page.
    private static bool TryVacuum(SqliteHandle source, string target)
    {
        source.Execute("COMMIT");
        try
        {
            source.Execute($"VACUUM INTO '{target.Replace("'", "''", StringComparison.Ordinal)}'");
            return true;
        }
        catch (CopyFault e) when ((e.Code & 0xff) == 1)
        {
            Remove(target);
            source.Execute("BEGIN");
            source.Number("PRAGMA page_count");
            return false;
        }
    }

    private void BackupBetweenWrites(SqliteHandle source, string target, long pages, long size, string shown, CancellationToken cancellation)
    {
        source.Execute("COMMIT");
        if (Backup(source, target, size, held: false, cancellation))
            return;
        Remove(target);
        if (pages * size > AtOneGo)
        {
            throw new McpException(FaultCode.Aborted, $"the database {shown} is written to faster than it can be copied")
            {
                Cause = $"it has no write-ahead log, so every write begins the copy anew ({MostRestarts} times), and with {pages * size} bytes it is too large to keep its service waiting",
                Hint = "use PRAGMA journal_mode=WAL in the service, or take the snapshot with the service stopped",
            };
        }
        source.Execute("BEGIN");
        source.Number("PRAGMA page_count");
        Backup(source, target, size, held: true, cancellation);
    }

    // False: writes began it anew too often.
    private bool Backup(SqliteHandle source, string target, long size, bool held, CancellationToken cancellation)
    {
        using var copy = SqliteHandle.Open(System.Text.Encoding.UTF8.GetBytes(target), SqliteHandle.ReadWrite, TimeSpan.Zero);
        // Nobody reads it before it is whole, and a crash throws it away.
        copy.Execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF");
        using var backup = raw.sqlite3_backup_init(copy.Connection, "main", source.Connection, "main");
        if (backup.IsInvalid)
            copy.Check(raw.sqlite3_errcode(copy.Connection));
        var step = (int)Math.Max(1, StepBytes / Math.Max(512, size));
        var waiting = System.Diagnostics.Stopwatch.StartNew();
        for (int restarts = 0, left = int.MaxValue; ;)
        {
            cancellation.ThrowIfCancellationRequested();
            var result = raw.sqlite3_backup_step(backup, step);
            if (result == raw.SQLITE_DONE)
                break;
            if (result == raw.SQLITE_OK)
                waiting.Restart();
            else if ((result & 0xff) is not (raw.SQLITE_BUSY or raw.SQLITE_LOCKED) || waiting.Elapsed > patience)
                throw new CopyFault(result, raw.sqlite3_errmsg(copy.Connection).utf8_to_string());
            var (remaining, total) = (raw.sqlite3_backup_remaining(backup), raw.sqlite3_backup_pagecount(backup));
            if (result == raw.SQLITE_OK)
            {
                progress((total - remaining) * size, total * size);
                if (!held && remaining > left && ++restarts > MostRestarts)
                    return false;
                left = remaining;
            }
            // A writer that waits gets its turn.
            if (!held)
                Wait(TimeSpan.FromMilliseconds(result == raw.SQLITE_OK ? 1 : 20), cancellation);
        }
        return true;
    }

    internal static void Remove(string target)
    {
        foreach (var ending in (string[])["", "-journal", "-wal", "-shm"])
            File.Delete(target + ending);
    }

    private static void Wait(TimeSpan time, CancellationToken cancellation) => cancellation.WaitHandle.WaitOne(time);

    private static McpException Fault(FaultCode code, string shown, string what, CopyFault inner, string hint) =>
        new(code, $"the database {shown} {what}", inner) { Cause = $"{inner.Message} (SQLite {inner.Code})", Hint = hint };
}
