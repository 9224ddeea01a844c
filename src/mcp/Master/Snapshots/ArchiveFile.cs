using Mcp.Archive;
using Mcp.Errors;

namespace Mcp.Master.Snapshots;

/// <summary>A stored archive read from its first byte to its last, and compared with what was known of it when it was made.</summary>
internal static class ArchiveFile
{
    /// <summary>Reads every byte: the file's digest, every checksum of the compression, the tar by the rules of import, the tar's digest.</summary>
    /// <param name="path">The file.</param>
    /// <param name="row">What is known of it.</param>
    /// <param name="progress">Bytes of the file so far.</param>
    /// <param name="cancellation">Between entries.</param>
    /// <exception cref="McpException">DataLoss: it is damaged, cut, or another one; NotFound: it is gone.</exception>
    public static void Read(string path, SnapshotRow row, Action<long> progress, CancellationToken cancellation)
    {
        try
        {
            using var file = Open(path, row);
            using var digest = new DigestStream(file);
            using var told = new ToldStream(digest, progress);
            var facts = ArchiveCheck.Read(told, cancellation);
            RequireSame(row, digest.Count, digest.Sha256, facts);
        }
        catch (ArchiveException e)
        {
            throw Damaged(row, e.Message);
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
        if (bytes != row.SizeBytes || sha256 != row.FileSha256)
            throw Damaged(row, "the SHA-256 of the file is another one than when it was made");
        if (facts != new ArchiveFacts(row.Trailer.Sha256, row.Trailer.Bytes, row.Trailer.Entries))
            throw Damaged(row, "the SHA-256 of its tar is another one than when it was made");
    }

    private static McpException Damaged(SnapshotRow row, string cause) =>
        new(FaultCode.DataLoss, $"the snapshot {row.Filename} of {row.Service} is damaged") { Cause = cause, Hint = $"mcp snapshot list {row.Service}" };

    // Tells how far it is; a read is 128 KiB.
    private sealed class ToldStream(DigestStream inner, Action<long> progress) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            var read = inner.Read(buffer);
            progress(inner.Count);
            return read;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
