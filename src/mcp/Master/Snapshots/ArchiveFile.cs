using Mcp.Archive;
using Mcp.Errors;

namespace Mcp.Master.Snapshots;

/// <summary>
/// A stored archive read from its first byte to its last, and compared with what was known of it when it was made. It became known only after all of it had been read by
/// the rules of import (<see cref="ArchiveIntake"/>), so a file with the same SHA-256 is whole: before it is used, its bytes are enough, and whoever takes it reads the tar
/// by the same rules once more.
/// </summary>
internal static class ArchiveFile
{
    private const int Piece = 1024 * 1024;

    /// <summary>Reads every byte of the file, and nothing of what they mean.</summary>
    /// <param name="path">The file.</param>
    /// <param name="row">What is known of it.</param>
    /// <param name="progress">Bytes of the file so far.</param>
    /// <param name="cancellation">Between two pieces.</param>
    /// <exception cref="McpException">DataLoss: it is damaged, cut, or another one; NotFound: it is gone.</exception>
    public static void RequireUnchanged(string path, SnapshotRow row, Action<long> progress, CancellationToken cancellation)
    {
        try
        {
            using var file = Open(path, row);
            using var digest = new DigestStream(file);
            var buffer = new byte[Piece];
            while (digest.Read(buffer) > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                progress(digest.Count);
            }
            RequireSameFile(row, digest.Count, digest.Sha256);
        }
        catch (IOException e)
        {
            throw new McpException(FaultCode.DataLoss, $"the snapshot {row.Filename} of {row.Service} cannot be read", e) { Cause = e.Message, Hint = "look at the kernel's messages: dmesg | tail" };
        }
    }

    /// <summary>Opens it for reading from front to back.</summary>
    /// <exception cref="McpException">NotFound: it is gone; DataLoss: it cannot be opened.</exception>
    public static FileStream Open(string path, SnapshotRow row)
    {
        try
        {
            return new FileStream(path, new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, Share = FileShare.Read | FileShare.Delete, Options = FileOptions.SequentialScan, BufferSize = 0 });
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new McpException(FaultCode.NotFound, $"the snapshot {row.Filename} of {row.Service} is gone from its folder", e) { Cause = $"{path} does not exist", Hint = $"is its disk mounted? mcp snapshot list {row.Service}" };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new McpException(FaultCode.DataLoss, $"the snapshot {row.Filename} of {row.Service} cannot be opened", e) { Cause = e.Message, Hint = $"ls -l {path}" };
        }
    }

    /// <summary>Compares what was read with what was known.</summary>
    /// <exception cref="McpException">DataLoss: it is another one.</exception>
    public static void RequireSame(SnapshotRow row, long bytes, string sha256, ArchiveFacts facts)
    {
        RequireSameFile(row, bytes, sha256);
        if (facts != new ArchiveFacts(row.Trailer.Sha256, row.Trailer.Bytes, row.Trailer.Entries))
            throw Damaged(row, "the SHA-256 of its tar is another one than when it was made");
    }

    private static void RequireSameFile(SnapshotRow row, long bytes, string sha256)
    {
        if (bytes != row.SizeBytes || sha256 != row.FileSha256)
            throw Damaged(row, "the SHA-256 of the file is another one than when it was made");
    }

    private static McpException Damaged(SnapshotRow row, string cause) =>
        new(FaultCode.DataLoss, $"the snapshot {row.Filename} of {row.Service} is damaged") { Cause = cause, Hint = $"mcp snapshot list {row.Service}" };
}
