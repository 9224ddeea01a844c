using Grpc.Core;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Ownership;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Text;
using Mcp.Transport;
using Mcp.V1;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Agent.Files;

/// <summary>
/// A file that is pushed into a service's folder:
/// 1 what can be checked is checked: path, kind of what lies there, size, room; 2 the bytes go to a temporary file beside the target, which is
/// named after the operation; 3 count and SHA-256 agree with the trailer, which is the last message; 4 owner, mode, fsync; 5 rename, fsync of
/// the folder. Nobody ever sees half a file: a failure removes the temporary one, and after a kill the journal's row names it.
/// </summary>
internal sealed class FileIntake(AgentParts parts)
{
    /// <summary>Larger things are data and travel by import; also what stands between a mistake and a full disk.</summary>
    public const ulong MostBytes = 16UL * 1024 * 1024 * 1024;

    // Left free on the file system, so that the service's own databases go on.
    private const ulong Reserve = 64UL * 1024 * 1024;

    private const uint NoMoreThanOwner = 0b111_000_000;

    /// <summary>Takes the file.</summary>
    /// <param name="start">The first message.</param>
    /// <param name="stream">The rest.</param>
    /// <param name="entry">The operation.</param>
    /// <param name="call">The call that sends; its end is the end of the file.</param>
    /// <param name="stop">The process ends.</param>
    public async Task<FileWritten> ReceiveAsync(FileStart start, IAsyncStreamReader<FileWrite> stream, OperationEntry entry, CancellationToken call, CancellationToken stop)
    {
        var path = ServiceFolder.Parse(start.Service, start.Path);
        Require(start, path);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(call, stop);
        try
        {
            using var folder = ServiceFolder.Ensure(parts.Configuration.DataRoot, path);
            var there = RequireReplaceable(folder, path, start);
            RequireRoom(folder, path, start.Bytes);
            var temporary = TemporaryName(entry.Id.Value);
            var mode = ModeFor(start, there);
            try
            {
                using (var file = folder.CreateFile(temporary))
                {
                    await WriteAsync(file, start, stream, entry, either.Token);
                    FolderHandle.Finish(file, mode, ServiceFolder.OwnerFor(there ?? folder.Facts));
                }
                folder.Place(temporary, path.Name, start.Overwrite);
            }
            catch
            {
                folder.TryRemove(temporary, folder: false);
                throw;
            }
            return new FileWritten { Bytes = start.Bytes, Path = path.Logical, Node = parts.Node, Mode = mode, Replaced = there is not null };
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new McpException(FaultCode.Aborted, $"the connection ended before {path.Logical} was whole") { State = "nothing was written", Hint = "try again" };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or RpcException or InvalidOperationException)
        {
            throw Refused(path, "could not be written", e);
        }
    }

    /// <summary>Removes what a push that was killed left beside its target.</summary>
    public void Forget(FileStart start, string operation)
    {
        if (!ServicePath.TryParse(start.Service, start.Path, out var path, out _))
            return;
        try
        {
            using var folder = ServiceFolder.TryOpen(parts.Configuration.DataRoot, path);
            folder?.TryRemove(TemporaryName(operation), folder: false);
        }
        catch (IOException)
        {
            // The way there is a link now: whatever lies behind it is not the file that was begun.
        }
    }

    /// <summary>The error of a file that cannot be had, with what to look at.</summary>
    public static McpException Refused(ServicePath path, string what, Exception e) => new(FaultCode.FailedPrecondition, $"{path.Logical} {what}", e)
    {
        Cause = Printable.Line(e.Message, 300),
        Hint = $"it must be a plain file, reached without links, that the agent's user may use: on the node, ls -l {path.Logical}",
    };

    private void Require(FileStart start, ServicePath path)
    {
        if (start.Bytes > MostBytes)
        {
            throw new McpException(FaultCode.InvalidArgument, $"{path.Logical} would have {start.Bytes} bytes; at most {MostBytes} are pushed")
            {
                Hint = "copy it on the node (rsync, scp) while the service is stopped",
            };
        }
        if (start.Mode > 0x1ff)
            throw new McpException(FaultCode.InvalidArgument, $"mode {Convert.ToString(start.Mode, 8)} has bits beyond 0777");
        var service = parts.Services.Find(path.Service);
        if (service?.HeldBy.Length > 0)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{path.Service} is held by the migration {service.HeldBy}: what is pushed now would not move with it")
            {
                Hint = $"mcp watch {service.HeldBy}",
            };
        }
        if (parts.Data.Find(path.Service) is { } data && !Directory.Exists(parts.Folders.PathOf(path.Service)))
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the registry expects data of epoch {data.Epoch} in {parts.Folders.PathOf(path.Service)}, but there is nothing")
            {
                Hint = $"is the disk mounted? findmnt -T {parts.Folders.PathOf(path.Service)}; mcp data list {path.Service}",
            };
        }
        if (service is null && !start.NewService && parts.Data.Find(path.Service) is null)
        {
            throw new McpException(FaultCode.NotFound, $"{parts.Node} holds no service {path.Service}")
            {
                Hint = $"mcp list; before its first deploy: mcp push --new-service -n {parts.Node} {path.Service} <file>",
            };
        }
    }

    private static EntryFacts? RequireReplaceable(FolderHandle folder, ServicePath path, FileStart start)
    {
        if (folder.TryFacts(path.Name) is not { } there)
            return null;
        if (!there.IsFile)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{path.Logical} is {there.Word}; only plain files are replaced")
            {
                Hint = there.IsFolder ? $"name the file in it: {path.Relative}/<name>" : $"look at it on the node: ls -l {path.Logical}",
            };
        }
        return start.Overwrite ? there : throw new McpException(FaultCode.AlreadyExists, $"{path.Logical} exists already");
    }

    private static void RequireRoom(FolderHandle folder, ServicePath path, ulong bytes)
    {
        var free = folder.FreeBytes();
        if (bytes + Reserve > free)
        {
            throw new McpException(FaultCode.ResourceExhausted, $"there is no room for {path.Logical}: {bytes} bytes, and {free} are free")
            {
                Cause = $"{Reserve / 1024 / 1024} MiB are left for the service itself",
                Hint = $"df -h {path.Logical[..path.Logical.LastIndexOf('/')]}",
            };
        }
    }

    // A file that nobody else may read stays so: pushing a secret a second time without --secret must not open it.
    private static uint ModeFor(FileStart start, EntryFacts? there) => there is { } before && (before.Mode & 0b111_111) == 0 ? start.Mode & NoMoreThanOwner : start.Mode;

    private static async Task WriteAsync(SafeFileHandle file, FileStart start, IAsyncStreamReader<FileWrite> stream, OperationEntry entry, CancellationToken ct)
    {
        using var check = new ContentCheck(start.Bytes);
        StreamTrailer? trailer = null;
        while (await stream.NextAsync(ct))
        {
            var part = stream.Current;
            if (trailer is not null)
                throw new McpException(FaultCode.InvalidArgument, "something came after the trailer") { State = "nothing was written" };
            switch (part.PartCase)
            {
                case FileWrite.PartOneofCase.Data:
                    var offset = (long)check.Bytes;
                    check.Add(part.Data.Span);
                    RandomAccess.Write(file, part.Data.Span, offset);
                    entry.Scope.Progress("receive", (long)check.Bytes, (long)start.Bytes, "bytes");
                    break;
                case FileWrite.PartOneofCase.Trailer:
                    check.Require(trailer = part.Trailer);
                    break;
                default:
                    throw new McpException(FaultCode.InvalidArgument, "the stream began anew in its middle") { State = "nothing was written" };
            }
        }
        if (trailer is null)
            throw new McpException(FaultCode.Aborted, "the stream ended without its trailer, so the file is not whole") { State = "nothing was written", Hint = "try again" };
    }

    private static string TemporaryName(string operation) => $".mcp-push-{operation}";
}
