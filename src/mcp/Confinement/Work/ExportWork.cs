using System.Diagnostics;
using System.Text;
using Google.Protobuf;
using Mcp.Archive;
using Mcp.Confined.V1;
using Mcp.Errors;
using Mcp.Native;
using Mcp.Sqlite.Copies;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Confinement.Work;

/// <summary>
/// Archives a folder that a service may be writing to: 1 the tree in the order of its names, each file as it is, each database as a copy that was made when its turn
/// came and is thrown away behind it (so that staging holds one copy at a time); 2 tar, and on a thread of its own digest, zstd, frames, all in one pass, and beside them the check
/// of the database that is in it at the moment; 3 the trailer, when every check was passed.
/// </summary>
internal sealed class ExportWork(ExportJob job, WorkPort port)
{
    private readonly List<DatabaseCopy> _databases = [];
    private readonly CheckBeside _check = new();
    private readonly byte[] _folder = Encoding.UTF8.GetBytes(job.Folder);
    private ExportReport? _report;
    private long _total;
    private int _copies;

    /// <summary>Sends the archive and returns its trailer.</summary>
    /// <exception cref="McpException">A database could not be copied, or its copy is damaged.</exception>
    public StreamTrailer Do()
    {
        using var root = Folder.Open(job.Folder);
        var selection = new FileSelection(root, job.Essentials);
        // How much it will be is counted meanwhile, by the names that the export needs anyway.
        var counting = new Thread(Count) { IsBackground = true, Name = "count" };
        counting.Start();
        var trailer = Pack(root, selection);
        port.Output.Flush();
        return trailer;
    }

    private StreamTrailer Pack(Folder root, FileSelection selection)
    {
        var level = new LevelByLink(job.LeastLevel > 0 ? job.LeastLevel : ZstdOutput.DefaultLevel, ZstdOutput.HighestLevel);
        using var zstd = ZstdOutput.Begin(port.Output, level.Level, job.Workers);
        using var tar = new DigestStream(zstd.Stream);
        var started = Stopwatch.GetTimestamp();
        using var behind = new WriteBehind(tar, () =>
        {
            level.Judge(Stopwatch.GetElapsedTime(started), port.Waited, port.Sent);
            zstd.Change(level.Level);
        });
        var export = new TreeExport(
            new ArchiveWriter(behind), new ExcludePatterns(job.Excludes), (name, file, in status) => Choose(root, selection, name, file, status));
        export.Advanced = report =>
        {
            _check.ThrowIfDamaged();
            port.Report("archive", (_report = report).Bytes, Interlocked.Read(ref _total));
        };
        var done = export.Run(root, CancellationToken.None);
        behind.Complete();
        Settle();
        var trailer = new StreamTrailer { Sha256 = tar.Sha256, Bytes = (ulong)tar.Count, Entries = (ulong)done.Entries, Partial = done.IsPartial };
        trailer.Skipped.AddRange(Notes.Of(done.Skipped, done.SkippedCount).Concat(Notes.Of(done.Omitted, done.OmittedCount)));
        trailer.Changed.AddRange(Notes.Of(done.Changed, done.Changed.Count));
        trailer.Databases.AddRange(_databases);
        return trailer;
    }

    private FileChoice Choose(Folder root, FileSelection selection, ReadOnlySpan<byte> name, SafeFileHandle file, in FileStatus status)
    {
        switch (selection.RoleOf(name, file, status))
        {
            case FileRole.Database:
                return job.Still && IsAlone(root, name) ? TakeAsItLies(name, file, status) : CopyDatabase(root, name);
            case FileRole.PartOfDatabase:
                return FileChoice.Covered;
            case FileRole.OtherDatabase:
                _databases.Add(new DatabaseCopy { Path = ByteString.CopyFrom(name), Bytes = (ulong)status.Size, Method = "plain", NotChecked = FileSelection.OtherKind });
                return FileChoice.AsItIs;
            case FileRole.NotTaken:
                return new FileChoice.NotTaken("is not taken by the default method ([snapshot] method = \"full\" takes it)");
            default:
                return FileChoice.AsItIs;
        }
    }

    // Where nothing runs, a database without a log or a journal beside it is its file: a copy would only cost as much disk and time again. It is checked
    // where it lies, and whoever writes to it nevertheless is noted like any other writer, which ends a move.
    private FileChoice TakeAsItLies(ReadOnlySpan<byte> name, SafeFileHandle file, in FileStatus status)
    {
        Settle();
        Check(file, new DatabaseCopy { Path = ByteString.CopyFrom(name), Bytes = (ulong)status.Size, Method = "as it lies" });
        return FileChoice.AsItIs;
    }

    private static bool IsAlone(Folder root, ReadOnlySpan<byte> name) =>
        root.TryStatusOf([.. name, .. "-wal"u8]) is not { Size: > 0 } && root.TryStatusOf([.. name, .. "-journal"u8]) is not { Size: > 0 };

    private FileChoice.Instead CopyDatabase(Folder root, ReadOnlySpan<byte> name)
    {
        // The copy before leaves its room with its check.
        Settle();
        var shown = PrintableBytes.Line(name, 200);
        var target = Path.Combine(job.Staging, $"copy-{++_copies}.db");
        var before = _report?.Bytes ?? 0;
        port.Report($"copy {shown}", before, Interlocked.Read(ref _total));
        var copier = new DatabaseCopier(root, _folder, job.Staging, TimeSpan.FromSeconds(job.PatienceSeconds),
            (done, all) => port.Report($"copy {shown}, {(all > 0 ? 100 * done / all : 0)} %", before, Interlocked.Read(ref _total)));
        try
        {
            var copied = copier.Copy(name, target, CancellationToken.None);
            using (var copy = File.OpenHandle(target))
                Check(copy, new DatabaseCopy { Path = ByteString.CopyFrom(name), Bytes = (ulong)copied.Bytes, Method = copied.Method });
            return new FileChoice.Instead(File.OpenHandle(target));
        }
        finally
        {
            // Archive and check read it by their descriptors: however this ends, the disk gets it back.
            DatabaseCopier.Remove(target);
        }
    }

    private void Check(SafeFileHandle file, DatabaseCopy database)
    {
        _databases.Add(database);
        _check.Begin(file, database);
    }

    private void Settle()
    {
        if (_check.Shown.Length > 0)
            port.Report($"check {_check.Shown}", _report?.Bytes ?? 0, Interlocked.Read(ref _total));
        _check.Settle();
    }

    private void Count()
    {
        try
        {
            using var root = Folder.Open(job.Folder);
            Interlocked.Exchange(ref _total, TreeSize.Of(root, new ExcludePatterns(job.Excludes), Counts));
        }
        catch (IOException)
        {
            // Only a figure for people; the export itself says what is wrong.
        }
    }

    private bool Counts(ReadOnlySpan<byte> name) =>
        DatabaseHeader.BaseOf(name).Length == 0 && (!job.Essentials || name.EndsWith(".db"u8) || name.EndsWith(".toml"u8) || name.EndsWith(".pem"u8));
}
