using System.IO.Pipelines;
using System.Security.Cryptography;
using Mcp.Archive;
using Mcp.Errors;
using Mcp.Files;
using Mcp.V1;

namespace Mcp.Master.Snapshots;

/// <summary>
/// An archive on its way into the folder, under a temporary name. While it comes in, a second thread decompresses the same bytes and reads the tar
/// with the rules of import, so that the end is known to be right the moment it arrives. Memory: a few MiB, whatever comes.
/// What is not finished is removed; what a killed process left is removed at the next start.
/// </summary>
internal sealed class ArchiveIntake : IAsyncDisposable
{
    /// <summary>How much may wait for the reading thread, and between two looks at the disk's room.</summary>
    private const int Waiting = 4 * 1024 * 1024, Look = 64 * 1024 * 1024;

    private readonly string _temporary;
    private readonly FileStream _file;
    private readonly StoreRoom _room;
    // Segments of a message's size: larger ones would lie in the heap of large objects, which is looked through only with everything else.
    private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: Waiting, resumeWriterThreshold: Waiting / 2, minimumSegmentSize: 64 * 1024, useSynchronizationContext: false));
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly CancellationTokenSource _ending = new();
    private readonly Task<ArchiveFacts> _reading;
    private long _looked;
    private bool _kept;

    /// <summary>Begins an archive that will be called <paramref name="path"/>.</summary>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public ArchiveIntake(string path, StoreRoom room)
    {
        _room = room;
        _temporary = Path.Combine(Path.GetDirectoryName(path)!, TemporaryName.New(Path.GetFileName(path)));
        _file = new FileStream(_temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = DurableFile.Secret, BufferSize = 0 });
        // A thread of its own: it sleeps in the pipe, and the pool's threads are for calls.
        _reading = Task.Factory.StartNew(Read, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Bytes of the file so far.</summary>
    public long Bytes { get; private set; }

    /// <summary>Lower-case hex SHA-256 of the file so far.</summary>
    public string Sha256 => Convert.ToHexStringLower(_hash.GetCurrentHash());

    /// <summary>Takes the next bytes.</summary>
    /// <exception cref="McpException">DataLoss: what came so far is no archive; ResourceExhausted: a tenth of the disk stays free.</exception>
    public async Task WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellation)
    {
        if (Bytes - _looked >= Look)
        {
            _room.Require(0);
            _looked = Bytes;
        }
        _hash.AppendData(data.Span);
        _file.Write(data.Span);
        Bytes += data.Length;
        // The reader has gone: it found something, which is told at once and not after a hundred gigabytes.
        if ((await _pipe.Writer.WriteAsync(data, cancellation)).IsCompleted)
            await FactsAsync();
    }

    /// <summary>Ends the archive: its tar must be what the trailer says, and then it is made durable under its temporary name.</summary>
    /// <exception cref="McpException">DataLoss: it is not what was sent.</exception>
    public async Task FinishAsync(StreamTrailer trailer)
    {
        await _pipe.Writer.CompleteAsync();
        var facts = await FactsAsync();
        if (facts != new ArchiveFacts(trailer.Sha256, trailer.Bytes, trailer.Entries))
        {
            throw Damaged(facts.Bytes != trailer.Bytes || facts.Entries != trailer.Entries
                ? $"{trailer.Bytes} bytes in {trailer.Entries} entries were sent, {facts.Bytes} in {facts.Entries} arrived"
                : "the SHA-256 of what arrived is another one");
        }
        _file.Flush(flushToDisk: true);
    }

    /// <summary>Gives the finished archive its name. The caller makes the folder durable.</summary>
    public void Keep(string path)
    {
        // Never over an existing one: names are unique, and what is there is somebody's only copy.
        File.Move(_temporary, path, overwrite: false);
        _kept = true;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _pipe.Writer.CompleteAsync(new OperationCanceledException());
        await _reading.ContinueWith(read => read.Exception, TaskScheduler.Default);
        await _file.DisposeAsync();
        if (!_kept)
            File.Delete(_temporary);
        _hash.Dispose();
        _ending.Dispose();
    }

    private ArchiveFacts Read()
    {
        using var stream = _pipe.Reader.AsStream();
        return ArchiveCheck.Read(stream, _ending.Token);
    }

    private async Task<ArchiveFacts> FactsAsync()
    {
        try
        {
            return await _reading;
        }
        catch (ArchiveException e)
        {
            throw Damaged(e.Message);
        }
    }

    private static McpException Damaged(string cause) => new(FaultCode.DataLoss, "what arrived is not a whole archive")
    {
        Cause = cause,
        State = "it was thrown away; earlier snapshots are untouched",
        Hint = "try again; if it stays so, look for a broken disk or network card",
    };
}
