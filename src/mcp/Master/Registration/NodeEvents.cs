using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.Placement;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Registration;

/// <summary>Turns what happens on and to nodes into events of the fleet.</summary>
internal sealed class NodeEvents(Database database, GroupedWrites writes, TimeProvider clock)
{
    // What the master writes itself about the operations that it runs.
    private static readonly string[] OwnOutcomes = ["deployed", "deploy-unchanged", "deploy-failed", "undeployed", "started", "stopped", "restarted"];

    /// <summary>Where the node's line goes on: after the last event that was taken, also one from before this master started. Of a new node a part is enough.</summary>
    public EventsRequest Line(string node)
    {
        var request = new EventsRequest { Follow = true };
        if (database.Read(connection => EventCursorStore.Find(connection, node)) is { } cursor)
            (request.After, request.AfterAt) = (cursor.Last, cursor.At);
        else
            request.Tail = 1000;
        return request;
    }

    /// <summary>
    /// An event that an agent sent over its line; stored with the place of the line, so that each is stored once. What a node says is stored as said by that node.
    /// </summary>
    /// <exception cref="McpException">It could not be stored: the line must end here and go on from here later.</exception>
    public Task HappenedAsync(string node, FleetEvent e) => writes.WriteAsync(connection =>
    {
        if (e.Id is > 0 and <= long.MaxValue)
            EventCursorStore.Put(connection, node, new EventCursor(e.Id, Printable.Line(e.At, 40)));
        // The agent's audit (of an older agent, which sends it), and what this master did through it and told itself.
        var own = e.Kind is "call" or "denied" || (e.Kind is "file-read" or "file-written" && !e.Direct) || (e.Operation.Length > 0 && OwnOutcomes.Contains(e.Kind) && OperationStore.Find(connection, e.Operation) is not null);
        if (!own)
            EventStore.Add(connection, Said(node, e));
    });

    private FleetEvent Said(string node, FleetEvent e) => new()
    {
        At = Timestamp.Read(e.At) is { } at ? Timestamp.Format(at) : Timestamp.Now(clock),
        Node = node,
        Service = Printable.Line(e.Service, 80),
        Component = Printable.Line(e.Component, 80),
        Kind = Printable.Line(e.Kind, 80),
        Severity = e.Severity is "warning" or "error" ? e.Severity : "info",
        Message = Printable.Line(e.Message, 1000),
        Principal = Printable.Line(e.Principal, 100),
        Operation = Printable.Line(e.Operation, 80),
    };

    /// <summary>A node became healthy or unhealthy.</summary>
    public void HealthChanged(string node, NodeCondition before, NodeCondition after) => _ = StoreAsync(new FleetEvent
    {
        At = Timestamp.Now(clock),
        Node = node,
        Kind = after.Health == NodeHealth.Healthy ? "node-healthy" : "node-unhealthy",
        Severity = after.Health == NodeHealth.Healthy ? "info" : before.Health == NodeHealth.Unknown ? "warning" : "error",
        Message = after.Health == NodeHealth.Healthy ? $"node {node} is healthy" : $"node {node} {after.Detail}",
    });

    /// <summary>An alert could not be handed to its command.</summary>
    public void AlertFailed(string node, string service, string words) => _ = StoreAsync(new FleetEvent
    {
        At = Timestamp.Now(clock),
        Node = node,
        Service = service,
        Kind = "alert-failed",
        Severity = "error",
        Message = Printable.Line(words),
    });

    /// <summary>Stores an event; a full disk must not break the watching.</summary>
    private async Task StoreAsync(FleetEvent e)
    {
        try
        {
            await writes.WriteAsync(connection => EventStore.Add(connection, e));
        }
        catch (McpException)
        {
            // The state itself is shown by status and node list; the line in the history is what is lost.
        }
    }
}
