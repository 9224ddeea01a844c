using Mcp.Errors;
using Mcp.Master.Registration;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Deployments;

/// <summary>Accepting and erasing data; both through the agent that has it.</summary>
internal sealed class DataAdministration(Database database, AgentLinks links, NodeHealthBoard board, Reading.DataListing holdings, ServiceLocks locks, TimeProvider clock)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    /// <summary>
    /// Makes the copy on a node the current one: the way out of a foreign or missing marker, or of a record that points elsewhere. Its epoch
    /// becomes higher than any known, so every other copy is superseded.
    /// </summary>
    /// <exception cref="McpException">FailedPrecondition: the service runs elsewhere; NotFound; or the agent refused.</exception>
    public async Task<DataRecord> AcceptAsync(OperationId id, DataAcceptRequest request, string by, CancellationToken cancellation)
    {
        using var held = await locks.AcquireAsync(Service(request.ServiceName), $"data accept {id} of {by}", Limit, null, cancellation);
        var (placement, records) = database.Read(c => (PlacementStore.Find(c, request.ServiceName), DataRecordStore.All(c, request.ServiceName)));
        var node = request.Node.Length > 0 ? request.Node : OnlyNode(request.ServiceName, placement, records);
        if (placement is not null && placement.Node != node)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{request.ServiceName} is deployed on {placement.Node}; the data on {node} cannot become current meanwhile")
            {
                Hint = $"mcp undeploy {request.ServiceName} first, then mcp data accept {request.ServiceName} --on {node}",
            };
        }
        var epoch = database.Read(c => DataRecordStore.HighestEpoch(c, request.ServiceName)) + 1;
        var volume = records.Find(r => r.Node == node)?.VolumeId ?? Guid.NewGuid().ToString("D");
        var answer = await links.To(node).AcceptDataAsync(
            new AcceptDataRequest { Service = request.ServiceName, Epoch = epoch, VolumeId = volume },
            links.Options(TimeSpan.FromMinutes(1), cancellation, id.Value, by));
        var record = new DataRecord
        {
            Service = request.ServiceName,
            Node = node,
            VolumeId = answer.VolumeId.Length > 0 ? answer.VolumeId : volume,
            Epoch = answer.Epoch > 0 ? answer.Epoch : epoch,
            State = "current",
            Bytes = answer.Bytes,
            Spec = placement?.Spec ?? records.Find(r => r.Spec.Components.Count > 0)?.Spec,
            Updated = Timestamp.Now(clock),
        };
        database.Write(c =>
        {
            DataRecordStore.Put(c, record);
            PlacementStore.SetData(c, record.Service, record.Node, record.Epoch, record.VolumeId);
            Reading.FindingStore.Close(c, "master behind", service: request.ServiceName);
        });
        // Every other copy is older now; whoever holds one hears it with its next heartbeat.
        foreach (var other in database.Read(ReportedServiceStore.All).Where(r => r.Service == record.Service))
            board.MustRegister(other.Node);
        return record;
    }

    /// <summary>Erases data of a service on a node; the name was typed.</summary>
    /// <exception cref="McpException">InvalidArgument: not confirmed; FailedPrecondition: the service is deployed there; or the agent refused.</exception>
    public async Task<DataPurgeResponse> PurgeAsync(OperationId id, DataPurgeRequest request, string by, CancellationToken cancellation)
    {
        if (request.Confirm != request.ServiceName)
            throw new McpException(FaultCode.InvalidArgument, $"erasing the data of {request.ServiceName} needs its name typed") { Hint = $"mcp data purge {request.ServiceName}" };
        if (request.State is not ("" or "current" or "aside" or "staging"))
            throw new McpException(FaultCode.InvalidArgument, $"'{Printable.Line(request.State, 40)}' is not a state of data; current, aside and staging are");
        using var held = await locks.AcquireAsync(Service(request.ServiceName), $"data purge {id} of {by}", Limit, null, cancellation);
        var placement = database.Read(c => PlacementStore.Find(c, request.ServiceName));
        var nodes = request.Node.Length > 0
            ? [request.Node]
            : (await holdings.ListAsync(request.ServiceName, cancellation)).Records.Where(r => request.State.Length == 0 || r.State == request.State).Select(r => r.Node).Distinct().ToList();
        if (nodes.Count != 1)
        {
            throw new McpException(nodes.Count == 0 ? FaultCode.NotFound : FaultCode.InvalidArgument, nodes.Count == 0 ? $"there is no data of {request.ServiceName}{(request.State.Length > 0 ? $" in state '{request.State}'" : "")}" : $"{request.ServiceName} has data on {string.Join(", ", nodes)}; name one")
            {
                Hint = $"mcp data list {request.ServiceName}",
            };
        }
        if (placement?.Node == nodes[0] && request.State is ("" or "current"))
            throw new McpException(FaultCode.FailedPrecondition, $"{request.ServiceName} is deployed on {nodes[0]}; its current data is in use") { Hint = $"mcp undeploy {request.ServiceName} first" };
        var answer = await links.To(nodes[0]).PurgeDataAsync(
            new PurgeDataRequest { Service = request.ServiceName, State = request.State }, links.Options(Limit, cancellation, id.Value, by));
        // After the agent: a kill in between leaves a record of data that is gone, and the same command again ends it.
        database.Write(c =>
        {
            DataRecordStore.Remove(c, request.ServiceName, nodes[0], request.State);
            // What was set aside was in no report; the current data still is where the node said.
            if (request.State is "" or "current")
                ReportedServiceStore.Remove(c, nodes[0], request.ServiceName);
        });
        board.MustRegister(nodes[0]);
        return new DataPurgeResponse { Bytes = answer.Bytes };
    }

    // Where nothing can be meant but one node, it need not be named.
    private static string OnlyNode(string service, PlacementRow? placement, List<DataRecord> records)
    {
        if (placement is not null)
            return placement.Node;
        var nodes = records.Select(r => r.Node).Distinct().ToList();
        return nodes is [var only]
            ? only
            : throw new McpException(FaultCode.InvalidArgument, nodes.Count == 0 ? $"no node is known to hold data of {service}" : $"{service} has data on {string.Join(", ", nodes)}; say which counts")
            {
                Hint = $"mcp data list {service}; mcp data accept {service} --on <node>",
            };
    }

    private static ServiceName Service(string text) =>
        ServiceName.TryParse(text, out var name, out var problem) ? name : throw new McpException(FaultCode.InvalidArgument, $"the service '{Printable.Line(text, 80)}' {problem}");
}
