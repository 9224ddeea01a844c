using Mcp.Archive;
using Mcp.Native;
using Mcp.V1;

namespace Mcp.Confinement.Work;

/// <summary>How an archive is to be taken in.</summary>
/// <param name="MostBytes">Content of all its files together; more is refused.</param>
/// <param name="MostEntries">More is refused.</param>
/// <param name="Owners">Whether numeric owners are set.</param>
/// <param name="KeepRoot">The folder itself stays its maker's, and open to him.</param>
internal sealed record IntakeOrder(long MostBytes, long MostEntries, bool Owners, bool KeepRoot);

/// <summary>
/// Everything of an import that touches the files of an archive, which are hostile until proven otherwise: it needs nothing but the folders that
/// it is given and the bytes that come in, so it can run where nothing else can be reached. First the stream is extracted; only when its trailer
/// is known, the tree is completed: journals that a consistent copy of a database makes void go, a partial archive is laid over a copy of the
/// data, every database is checked, and all of it is made durable.
/// </summary>
internal sealed class TreeIntake(IntakeOrder order)
{
    /// <summary>Bytes of content that came.</summary>
    public long Bytes { get; private set; }

    /// <summary>Whether the archive said what the service's directory itself is.</summary>
    public bool HasRoot { get; private set; }

    /// <summary>Extracts a whole stream into an empty folder.</summary>
    /// <returns>What the archive came to, in the form of the trailer that it must match; what was dropped of entries is in <c>skipped</c>.</returns>
    /// <exception cref="ArchiveException">A rule is broken, or the stream was cut.</exception>
    /// <exception cref="IOException">The disk is full or failed.</exception>
    public StreamTrailer Extract(Stream compressed, Folder into, CancellationToken cancellation)
    {
        var digest = new DigestStream(new ZstdInput(compressed), leaveOpen: false);
        using var ahead = new ReadAhead(digest);
        var reader = new ArchiveReader(ahead, new ArchiveLimits { Bytes = order.MostBytes, Entries = order.MostEntries });
        var tree = new TreeImport(into, order.Owners, order.KeepRoot);
        tree.Run(reader, cancellation);
        Bytes = reader.Bytes;
        HasRoot = tree.HasRoot;
        var came = new StreamTrailer { Sha256 = digest.Sha256, Bytes = (ulong)digest.Count, Entries = (ulong)reader.Entries };
        came.Skipped.AddRange(Notes.Of(tree.LeftOut, tree.LeftOutCount));
        return came;
    }

    /// <summary>Completes an extracted tree.</summary>
    /// <param name="tree">The folder that was extracted into.</param>
    /// <param name="copies">The databases that the sender copied, from its trailer.</param>
    /// <param name="marker">The owner's marker; empty: none.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>Every database of the tree as it was checked.</returns>
    /// <exception cref="ArchiveException">A database is damaged.</exception>
    public static IReadOnlyList<DatabaseCopy> Complete(Folder tree, IEnumerable<DatabaseCopy> copies, ReadOnlySpan<byte> marker, CancellationToken cancellation)
    {
        // What is done in the folder from here on is ours, not the archive's: its time stays the original's.
        var root = NativeFile.StatusOf(tree.Handle);
        StagedDatabases.DropJournals(tree, copies);
        return Seal(tree, root, marker, cancellation);
    }

    /// <summary>Lays an extracted partial archive over a copy of what is there now, and completes the result.</summary>
    /// <param name="part">The folder that was extracted into; it is used up.</param>
    /// <param name="now">The data as it is; only read.</param>
    /// <param name="result">An empty folder.</param>
    /// <param name="copies">The databases that the sender copied, from its trailer.</param>
    /// <param name="marker">The owner's marker; empty: none.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>Every database of the tree as it was checked.</returns>
    /// <exception cref="ArchiveException">Something of the archive meets something of another kind, or a database is damaged.</exception>
    public IReadOnlyList<DatabaseCopy> Overlay(Folder part, Folder now, Folder result, IEnumerable<DatabaseCopy> copies, ReadOnlySpan<byte> marker, CancellationToken cancellation)
    {
        StagedDatabases.DropJournals(part, copies);
        new TreeCopy(order.Owners, order.KeepRoot, order.MostBytes - Bytes).Run(now, result, cancellation);
        new TreeOverlay(order.Owners, HasRoot && !order.KeepRoot).Run(part, result);
        return Seal(result, NativeFile.StatusOf(result.Handle), marker, cancellation);
    }

    private static IReadOnlyList<DatabaseCopy> Seal(Folder tree, in FileStatus root, ReadOnlySpan<byte> marker, CancellationToken cancellation)
    {
        var databases = StagedDatabases.Check(tree, cancellation);
        if (marker.Length > 0)
        {
            using var file = tree.CreateFile(EntryRules.Marker, 0x1a4);
            RandomAccess.Write(file, marker, 0);
            NativeFile.SetMode(file, 0x1a4);
        }
        NativeFile.SetModified(tree.Handle, root.ModifiedSeconds, root.ModifiedNanoseconds);
        NativeFile.SyncFileSystem(tree.Handle);
        return databases;
    }
}
