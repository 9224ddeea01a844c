using Mcp.Archive;
using Mcp.Errors;

namespace Mcp.Master.Snapshots;

/// <summary>A stored archive read from its first byte to its last, and compared with what was known of it when it was made.</summary>
internal static class ArchiveFile
{
    /// <summary>Reads every byte: the file's digest, every checksum of the compression, the tar by the rules of import, the tar's digest.</summary>
    /// <param name="path">The file.</param>
    /// <param name="row">What is known of it.</param>
    /// <param name="visit">Looks at each entry.</param>
    /// <param name="progress">Bytes of the file so far.</param>
    /// <param name="cancellation">Between entries.</param>
    /// <exception cref="McpException">DataLoss: it is damaged, cut, or another one; NotFound: it is gone.</exception>
    public static ArchiveFacts Read(string path, SnapshotRow row, Action<ArchiveReader, ArchiveEntry>? visit, Action<long>? progress, CancellationToken cancellation)
    {
        try
        {
            using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, Share = FileShare.Read | FileShare.Delete, Options = FileOptions.SequentialScan, BufferSize = 0 });
            using var digest = new DigestStream(file);
            using var told = new ToldStream(digest, progress);
            var facts = ArchiveCheck.Read(told, visit, cancellation);
            if (file.Length != row.SizeBytes || digest.Sha256 != row.FileSha256)
                throw Damaged(row, "the SHA-256 of the file is another one than when it was made");
            if (facts != new ArchiveFacts(row.Trailer.Sha256, row.Trailer.Bytes, row.Trailer.Entries))
                throw Damaged(row, "the SHA-256 of its tar is another one than when it was made");
            return facts;
        }
        catch (ArchiveException e)
        {
            throw Damaged(row, e.Message);
        }
        catch (FileNotFoundException e)
        {
            throw new McpException(FaultCode.NotFound, $"the snapshot {row.Filename} of {row.Service} is gone from the folder", e) { Hint = $"mcp snapshot list {row.Service}" };
        }
        catch (IOException e)
        {
            throw new McpException(FaultCode.DataLoss, $"the snapshot {row.Filename} of {row.Service} cannot be read", e) { Cause = e.Message, Hint = "look at the kernel's messages: dmesg | tail" };
        }
    }

    private static McpException Damaged(SnapshotRow row, string cause) =>
        new(FaultCode.DataLoss, $"the snapshot {row.Filename} of {row.Service} is damaged") { Cause = cause, Hint = $"mcp snapshot list {row.Service}" };

    // Tells how far it is; a read is 128 KiB.
    private sealed class ToldStream(DigestStream inner, Action<long>? progress) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            var read = inner.Read(buffer);
            progress?.Invoke(inner.Count);
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
