using Grpc.Core;
using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.Master.Registration;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.Transport;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Files;

/// <summary>
/// Files of services on their way between a person and the node that has the service. The master passes messages on as they come and keeps
/// nothing; what a path may be is decided where the file is, by the agent.
/// </summary>
internal sealed class FileRelay(Database database, AgentLinks links, TimeProvider clock)
{
    // For the agent's last fsync, not for the file: that has its own rule of silence.
    private static readonly TimeSpan EndLimit = TimeSpan.FromMinutes(5);

    /// <summary>Passes a file on to the node of its service.</summary>
    /// <exception cref="McpException">Nobody knows where the service is, or the agent refused.</exception>
    public async Task<FileWritten> PushAsync(IAsyncStreamReader<FileWrite> stream, OperationId id, string by, CancellationToken ct)
    {
        if (!await stream.NextAsync(ct) || stream.Current.Start is not { } first)
            throw new McpException(FaultCode.InvalidArgument, "the first message of a push says what it is about");
        var start = first.Clone();
        var (node, known) = NodeOf(start.Service, start.Node, "push --new-service");
        if (!known && !start.NewService)
            throw Unknown(start.Service, "push --new-service");
        start.Node = "";
        // The master's record vouches for a service that has a folder and nothing else on its node yet.
        start.NewService = true;
        using var call = links.To(node).PushFile(links.Options(null, ct, id.Value, by));
        if (await PassedAsync(call.RequestStream, new FileWrite { Start = start }, ct))
        {
            while (await stream.NextAsync(ct) && await PassedAsync(call.RequestStream, stream.Current, ct))
            {
            }
            // Only now: a stream that broke above must not look like one that ended.
            await EndAsync(call.RequestStream);
        }
        var written = await call.ResponseAsync.WaitAsync(EndLimit, ct);
        database.Write(connection =>
        {
            // The first file of a service decides where it will run: its data is there. Written after the file, since a record without data
            // would only bind the service to a node for nothing; killed in between, the same push again writes it.
            if (!known && DataRecordStore.Current(connection, start.Service) is null)
            {
                DataRecordStore.Put(connection, new DataRecord
                {
                    Service = start.Service,
                    Node = node,
                    VolumeId = Guid.NewGuid().ToString("D"),
                    Epoch = DataRecordStore.HighestEpoch(connection, start.Service) + 1,
                    State = "current",
                    Updated = Timestamp.Now(clock),
                });
            }
            Note(connection, "file-written", node, start.Service, $"{written.Path}, {written.Bytes} bytes", by, id.Value);
        });
        return written;
    }

    /// <summary>Passes a file on from the node of its service.</summary>
    /// <exception cref="McpException">Nobody knows where the service is, or the agent refused.</exception>
    public async Task PullAsync(FileRead request, IServerStreamWriter<FileContent> writer, string by, CancellationToken ct)
    {
        var (node, _) = NodeOf(request.Service, request.Node, "pull");
        var asked = request.Clone();
        asked.Node = "";
        using var call = links.To(node).PullFile(asked, links.Options(null, ct, onBehalfOf: by));
        while (await call.ResponseStream.NextAsync(ct))
            await writer.WriteAsync(call.ResponseStream.Current, ct);
        database.Write(connection => Note(connection, "file-read", node, request.Service, Printable.Line(request.Path, 200), by, ""));
    }

    // Known: the fleet has a record of where the service is, and no other node will do.
    private (string Node, bool Known) NodeOf(string service, string wanted, string command)
    {
        var node = database.Read(c => PlacementStore.Find(c, service)?.Node ?? DataRecordStore.Current(c, service)?.Node);
        if (node is null)
            return wanted.Length > 0 ? (wanted, false) : throw Unknown(service, command);
        return wanted.Length == 0 || wanted == node
            ? (node, true)
            : throw new McpException(FaultCode.FailedPrecondition, $"{service} and its data are on {node}, not on {Printable.Line(wanted, 80)}") { Hint = "leave -n out" };
    }

    private static McpException Unknown(string service, string command) => new(FaultCode.NotFound, $"there is no service {Printable.Line(service, 80)}")
    {
        Hint = $"mcp list; of a service that was never deployed: mcp {command} -n <node> {Printable.Line(service, 80)} …",
    };

    // An agent that refuses ends the call; why is in its answer, which is read next. False: it has answered.
    private static async Task<bool> PassedAsync(IClientStreamWriter<FileWrite> agent, FileWrite message, CancellationToken ct)
    {
        try
        {
            await agent.WriteAsync(message, ct);
            return true;
        }
        catch (Exception e) when (e is McpException or InvalidOperationException)
        {
            return false;
        }
    }

    private static async Task EndAsync(IClientStreamWriter<FileWrite> agent)
    {
        try
        {
            await agent.CompleteAsync();
        }
        catch (Exception e) when (e is McpException or InvalidOperationException)
        {
            // As above: the answer says why.
        }
    }

    private void Note(SqliteConnection connection, string kind, string node, string service, string what, string by, string operation) => EventStore.Add(connection, new FleetEvent
    {
        At = Timestamp.Now(clock),
        Node = node,
        Service = service,
        Kind = kind,
        Severity = "info",
        Message = what,
        Principal = by,
        Operation = operation,
    });
}
