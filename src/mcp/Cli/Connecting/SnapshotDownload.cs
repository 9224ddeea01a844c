using Google.Protobuf;
using Grpc.Core;
using Mcp.Cli.Output;
using Mcp.Confined.V1;
using Mcp.Confinement;
using Mcp.Confinement.Work;
using Mcp.Errors;
using Mcp.Files;
using Mcp.Text;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Cli.Connecting;

/// <summary>
/// A snapshot on its way to this machine: temporary file → digests compared → fsync → rename; or unpacked by the rules of import into a staging
/// folder that is renamed when all of it was right. What was there before is never touched.
/// </summary>
internal sealed class SnapshotDownload(CommandContext context, FleetLink link)
{
    private long _shown;

    /// <summary>Fetches the file.</summary>
    /// <param name="request">Which.</param>
    /// <param name="name">What it is called here.</param>
    /// <param name="cancel">Ctrl-C.</param>
    /// <exception cref="McpException">Refused, not whole, or the file exists.</exception>
    public async Task<(string Local, Snapshot Snapshot)> ToFileAsync(DownloadSnapshotRequest request, Func<Snapshot, string> name, CancellationToken cancel)
    {
        var local = "";
        var snapshot = await ReceiveAsync(
            request,
            s =>
            {
                local = name(s);
                RefuseExisting(local);
                return local;
            },
            (temporary, _) =>
            {
                File.Move(temporary, local, overwrite: false);
                DurableFile.SyncFolder(FolderOf(local));
                return Task.CompletedTask;
            },
            cancel);
        return (local, snapshot);
    }

    /// <summary>Unpacks it into a new directory.</summary>
    /// <returns>The snapshot, and what was dropped of entries that were taken.</returns>
    /// <exception cref="McpException">Refused, not whole, the directory has something in it, or the archive breaks a rule.</exception>
    public async Task<(Snapshot Snapshot, IReadOnlyList<string> LeftOut)> ToFolderAsync(DownloadSnapshotRequest request, string to, bool acceptPartial, CancellationToken cancel)
    {
        to = Path.TrimEndingDirectorySeparator(Path.GetFullPath(to));
        if (Directory.Exists(to) && Directory.EnumerateFileSystemEntries(to).Any() || File.Exists(to))
            throw new McpException(FaultCode.AlreadyExists, $"{to} exists and is not empty; it was left alone") { Hint = "name a new directory" };
        IReadOnlyList<string> leftOut = [];
        var snapshot = await ReceiveAsync(
            request,
            s => !s.Partial || acceptPartial
                ? to
                : throw new McpException(FaultCode.FailedPrecondition, $"the snapshot {s.Filename} is partial: {s.Skipped.Count} things are not in it") { Hint = "--accept-partial unpacks what it has" },
            async (temporary, s) => leftOut = await UnpackAsync(temporary, s, to, cancel),
            cancel);
        return (snapshot, leftOut);
    }

    private async Task<Snapshot> ReceiveAsync(DownloadSnapshotRequest request, Func<Snapshot, string> begin, Func<string, Snapshot, Task> end, CancellationToken cancel)
    {
        using var call = link.Master.DownloadSnapshot(request, cancellationToken: cancel);
        if (!await call.ResponseStream.NextAsync(cancel) || call.ResponseStream.Current.Snapshot is not { } snapshot)
            throw new McpException(FaultCode.Internal, "the answer does not begin with what it is");
        var target = begin(snapshot);
        var temporary = Path.Combine(FolderOf(target), TemporaryName.New(Path.GetFileName(target)));
        try
        {
            await using (var display = ProgressDisplay.Open(context))
            {
                using var file = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = DurableFile.Secret, BufferSize = 0 });
                await ReceiveAsync(call.ResponseStream, snapshot, file, display, cancel);
                file.Flush(flushToDisk: true);
            }
            await end(temporary, snapshot);
            return snapshot;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            throw new McpException(FaultCode.Aborted, "the download was left half way") { State = "nothing was written" };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{target} could not be written", e) { Cause = e.Message, Hint = $"df -h {FolderOf(target)}; ls -ld {FolderOf(target)}" };
        }
        finally
        {
            // Gone already where it was renamed.
            File.Delete(temporary);
        }
    }

    private async Task ReceiveAsync(IAsyncStreamReader<DownloadSnapshotResponse> stream, Snapshot snapshot, FileStream file, ProgressDisplay display, CancellationToken cancel)
    {
        using var check = new ContentCheck(snapshot.SizeBytes);
        StreamTrailer? trailer = null;
        while (await stream.NextAsync(cancel))
        {
            var part = stream.Current;
            if (trailer is not null || part.PartCase is not (DownloadSnapshotResponse.PartOneofCase.Data or DownloadSnapshotResponse.PartOneofCase.Trailer))
                throw new McpException(FaultCode.DataLoss, "the answer goes on after its end, or begins anew");
            if (part.Trailer is not null)
            {
                check.Require(trailer = part.Trailer);
                continue;
            }
            check.Add(part.Data.Span);
            file.Write(part.Data.Span);
            Show(display, check.Bytes, snapshot.SizeBytes);
        }
        if (trailer is null)
            throw new McpException(FaultCode.Aborted, "the answer ended before the file was whole") { State = "nothing was written", Hint = "try again" };
        if (trailer.Sha256 != snapshot.FileSha256)
        {
            throw new McpException(FaultCode.DataLoss, $"the snapshot {snapshot.Filename} is damaged where it is stored: it is not what was once made")
            {
                State = "nothing was written",
                Hint = $"mcp snapshot verify {snapshot.ServiceName} --all; then take an older one: --id N",
            };
        }
    }

    // 1 a staging folder beside the target; 2 a confined child, which reaches nothing else, extracts every entry and compares what came with the record; 3 renamed.
    // Killed before 3, a folder with a telling name is left. As an ordinary user everything becomes his.
    private static async Task<IReadOnlyList<string>> UnpackAsync(string archive, Snapshot snapshot, string to, CancellationToken cancel)
    {
        var staging = $"{to}.unpacking-{Guid.NewGuid():N}";
        Directory.CreateDirectory(staging, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            var result = await ExtractAsync(archive, snapshot, staging, cancel);
            if (Directory.Exists(to))
                Directory.Delete(to);
            Directory.Move(staging, to);
            DurableFile.SyncFolder(FolderOf(to));
            return [.. result.Came.Skipped.Select(s => $"{PrintableBytes.Line(s.Path.Span, 300)} {s.Rule}")];
        }
        catch (McpException e)
        {
            var damaged = e.Code is FaultCode.InvalidArgument or FaultCode.DataLoss;
            throw new McpException(damaged ? FaultCode.DataLoss : e.Code, $"the snapshot {snapshot.Filename} was not unpacked: {e.Message}", e)
            {
                Cause = e.Cause,
                State = "nothing was kept",
                Hint = damaged ? $"mcp snapshot verify {snapshot.ServiceName} --all" : $"df -h {FolderOf(to)}; ls -ld {FolderOf(to)}",
            };
        }
        finally
        {
            if (Directory.Exists(staging))
            {
                // By descriptors: the names in it need not be text.
                EraseWork.Do(staging);
                Directory.Delete(staging);
            }
        }
    }

    private static async Task<ImportResult> ExtractAsync(string archive, Snapshot snapshot, string staging, CancellationToken cancel)
    {
        var job = new ImportJob
        {
            Folder = staging,
            MostBytes = new DriveInfo(staging).AvailableFreeSpace,
            MostEntries = (long)snapshot.Entries,
            Owners = Environment.IsPrivilegedProcess,
            AsItIs = true,
        };
        await using var child = await ConfinedChild.StartAsync(ConfinedProgram.Own, new ConfinedFolders { Writing = [staging] }, new ConfinedJob { Import = job }, $"unpacks {snapshot.Filename}", cancel);
        await using var file = File.OpenRead(archive);
        var buffer = new byte[Frames.Chunk];
        while (await file.ReadAsync(buffer, cancel) is var read and > 0)
            await child.SendAsync(ByteString.CopyFrom(buffer, 0, read), cancel);
        await child.EndAsync(new StreamTrailer { Sha256 = snapshot.Sha256, Bytes = snapshot.DataBytes, Entries = snapshot.Entries }, cancel);
        while (await child.NextAsync(cancel) is not null)
        {
        }
        return child.Result!.Import;
    }

    private static void RefuseExisting(string local)
    {
        if (File.Exists(local) || Directory.Exists(local))
            throw new McpException(FaultCode.AlreadyExists, $"{local} exists already; it was left alone") { Hint = "name another file" };
    }

    private static string FolderOf(string path) => Path.GetDirectoryName(Path.GetFullPath(path))!;

    private void Show(ProgressDisplay display, ulong done, ulong total)
    {
        var now = context.Clock.GetTimestamp();
        if (done < total && _shown != 0 && context.Clock.GetElapsedTime(_shown, now) < TimeSpan.FromMilliseconds(100))
            return;
        _shown = now;
        display.Show(new OperationEvent { Step = "download", Done = (long)done, Total = (long)total, Unit = "bytes" });
    }
}
