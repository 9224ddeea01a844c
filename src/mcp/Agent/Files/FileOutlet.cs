using Google.Protobuf;
using Grpc.Core;
using Mcp.Agent.Ownership;
using Mcp.Errors;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Agent.Files;

/// <summary>A file that is pulled out of a service's folder: as long as it was when it was opened, with a trailer that says what was sent.</summary>
internal sealed class FileOutlet(AgentParts parts)
{
    /// <summary>Sends the file.</summary>
    /// <returns>What was sent, in words for the audit.</returns>
    /// <exception cref="McpException">There is none, it is not a plain file in the service's folder, or it shrank while it was read.</exception>
    public async Task<string> SendAsync(FileRead request, IServerStreamWriter<FileContent> writer, CancellationToken ct)
    {
        var path = ServiceFolder.Parse(request.Service, request.Path);
        try
        {
            using var folder = ServiceFolder.TryOpen(parts.Configuration.DataRoot, path);
            using var file = folder?.TryOpenFile(path.Name) ?? throw new McpException(FaultCode.NotFound, $"there is no {path.Logical} on {parts.Node}")
            {
                Hint = $"on the node: ls -l {path.Logical[..path.Logical.LastIndexOf('/')]}",
            };
            var facts = FolderHandle.FactsOf(file);
            await writer.WriteAsync(new FileContent { Start = new FileStart { Service = path.Service, Path = path.Relative, Mode = facts.Mode, Bytes = facts.Bytes, Node = parts.Node } }, ct);
            using var check = new ContentCheck(facts.Bytes);
            var buffer = new byte[ContentCheck.ChunkBytes];
            while (check.Bytes < facts.Bytes)
            {
                var wanted = (int)Math.Min((ulong)buffer.Length, facts.Bytes - check.Bytes);
                var read = 0;
                while (read < wanted && RandomAccess.Read(file, buffer.AsSpan(read, wanted - read), (long)check.Bytes + read) is var count and > 0)
                    read += count;
                if (read < wanted)
                {
                    throw new McpException(FaultCode.Aborted, $"{path.Logical} shrank while it was read")
                    {
                        Hint = "try again; of a database in use take a snapshot instead",
                    };
                }
                check.Add(buffer.AsSpan(0, read));
                await writer.WriteAsync(new FileContent { Data = ByteString.CopyFrom(buffer, 0, read) }, ct);
            }
            await writer.WriteAsync(new FileContent { Trailer = check.Trailer() }, ct);
            return $"{path.Logical}, {facts.Bytes} bytes";
        }
        catch (Exception e) when (e is UnauthorizedAccessException || (e is IOException && !ct.IsCancellationRequested))
        {
            throw FileIntake.Refused(path, "could not be read", e);
        }
    }
}
