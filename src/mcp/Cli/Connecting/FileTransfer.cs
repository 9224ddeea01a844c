using Google.Protobuf;
using Grpc.Core;
using Mcp.Cli.Output;
using Mcp.Errors;
using Mcp.Files;
using Mcp.Names;
using Mcp.Transport;
using Mcp.V1;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Cli.Connecting;

/// <summary>One file between this machine and a service's folder, whole or not at all at either end, with its progress on the screen.</summary>
internal sealed class FileTransfer(CommandContext context, FleetLink link)
{
    // For the other side's fsync once everything is there.
    private static readonly TimeSpan EndLimit = TimeSpan.FromMinutes(10);

    /// <summary>Sends a local file.</summary>
    /// <exception cref="McpException">It shrank while it was read, or was refused.</exception>
    public async Task<FileWritten> PushAsync(FileStart start, SafeFileHandle file, CancellationToken cancel)
    {
        var headers = OperationCalls.Headers(OperationId.New(context.Clock));
        using var call = link.ToAgent ? link.Agent.PushFile(headers, cancellationToken: cancel) : link.Master.Push(headers, cancellationToken: cancel);
        await using var display = ProgressDisplay.Open(context);
        try
        {
            try
            {
                await SendAsync(call.RequestStream, start, file, display, cancel);
            }
            catch (Exception e) when (e is InvalidOperationException || (e is McpException && call.ResponseAsync.IsCompleted))
            {
                // The other side has answered before it had everything; what it said comes next.
            }
            return await call.ResponseAsync.WaitAsync(EndLimit, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            throw new McpException(FaultCode.Aborted, $"the push of {start.Path} was left half way") { State = "nothing was written on the node" };
        }
        catch (TimeoutException e)
        {
            throw new McpException(FaultCode.DeadlineExceeded, $"no answer came within {EndLimit.TotalMinutes:0} minutes of the last byte", e) { Hint = "push it again; that is safe" };
        }
    }

    /// <summary>Fetches a file into <paramref name="local"/>, which is replaced only by a whole one.</summary>
    /// <returns>How many bytes it has.</returns>
    /// <exception cref="McpException">It was refused, or did not arrive whole.</exception>
    public async Task<ulong> PullAsync(FileRead request, string local, CancellationToken cancel)
    {
        using var call = link.ToAgent ? link.Agent.PullFile(request, cancellationToken: cancel) : link.Master.Pull(request, cancellationToken: cancel);
        await using var display = ProgressDisplay.Open(context);
        if (!await call.ResponseStream.NextAsync(cancel) || call.ResponseStream.Current.Start is not { } start)
            throw new McpException(FaultCode.Internal, "the answer does not begin with what it is");
        var folder = Path.GetDirectoryName(Path.GetFullPath(local))!;
        var temporary = Path.Combine(folder, $".{Path.GetFileName(local)}.{Guid.NewGuid():N}.tmp");
        try
        {
            // Only for this user until it is whole; then as on the node, but never writable by others.
            using (var file = File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                File.SetUnixFileMode(file, DurableFile.Secret);
                await ReceiveAsync(call.ResponseStream, start, file, display, cancel);
                File.SetUnixFileMode(file, (UnixFileMode)(start.Mode & 0x1ff) & ~(UnixFileMode.GroupWrite | UnixFileMode.OtherWrite));
                RandomAccess.FlushToDisk(file);
            }
            File.Move(temporary, local, overwrite: true);
            DurableFile.SyncFolder(folder);
            return start.Bytes;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            File.Delete(temporary);
            throw new McpException(FaultCode.Aborted, $"the pull of {request.Path} was left half way") { State = $"{local} was not written" };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary);
            throw new McpException(FaultCode.FailedPrecondition, $"{local} could not be written", e) { Cause = e.Message, Hint = $"df -h {folder}; ls -ld {folder}" };
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private async Task SendAsync(IClientStreamWriter<FileWrite> stream, FileStart start, SafeFileHandle file, ProgressDisplay display, CancellationToken cancel)
    {
        await stream.WriteAsync(new FileWrite { Start = start }, cancel);
        using var check = new ContentCheck(start.Bytes);
        var buffer = new byte[ContentCheck.ChunkBytes];
        while (check.Bytes < start.Bytes)
        {
            var wanted = (int)Math.Min((ulong)buffer.Length, start.Bytes - check.Bytes);
            var read = 0;
            while (read < wanted && RandomAccess.Read(file, buffer.AsSpan(read, wanted - read), (long)check.Bytes + read) is var count and > 0)
                read += count;
            if (read < wanted)
                throw new McpException(FaultCode.Aborted, "the file shrank while it was read") { State = "nothing was written on the node" };
            check.Add(buffer.AsSpan(0, read));
            await stream.WriteAsync(new FileWrite { Data = ByteString.CopyFrom(buffer, 0, read) }, cancel);
            Show(display, "push", check.Bytes, start.Bytes);
        }
        await stream.WriteAsync(new FileWrite { Trailer = check.Trailer() }, cancel);
        await stream.CompleteAsync();
    }

    private async Task ReceiveAsync(IAsyncStreamReader<FileContent> stream, FileStart start, SafeFileHandle file, ProgressDisplay display, CancellationToken cancel)
    {
        using var check = new ContentCheck(start.Bytes);
        StreamTrailer? trailer = null;
        while (await stream.NextAsync(cancel))
        {
            var part = stream.Current;
            if (trailer is not null || part.PartCase is not (FileContent.PartOneofCase.Data or FileContent.PartOneofCase.Trailer))
                throw new McpException(FaultCode.DataLoss, "the answer goes on after its end, or begins anew");
            if (part.Trailer is not null)
            {
                check.Require(trailer = part.Trailer);
                continue;
            }
            var offset = (long)check.Bytes;
            check.Add(part.Data.Span);
            RandomAccess.Write(file, part.Data.Span, offset);
            Show(display, "pull", check.Bytes, start.Bytes);
        }
        if (trailer is null)
            throw new McpException(FaultCode.Aborted, "the answer ended before the file was whole") { Hint = "try again" };
    }

    private long _shown;

    // A message has 64 KiB; a display needs ten a second.
    private void Show(ProgressDisplay display, string step, ulong done, ulong total)
    {
        var now = context.Clock.GetTimestamp();
        if (done < total && _shown != 0 && context.Clock.GetElapsedTime(_shown, now) < TimeSpan.FromMilliseconds(100))
            return;
        _shown = now;
        display.Show(new OperationEvent { Step = step, Done = (long)done, Total = (long)total, Unit = "bytes" });
    }
}
