using Mcp.Agent.Registry;
using Mcp.Transport;

namespace Mcp.Agent.Identity;

/// <summary>
/// The agent's audit: rows beside the other events. What people did here without the master, and whoever was refused here, is sent on to it when it is
/// back: one audit for the whole fleet. What the master itself asked stands in its own.
/// </summary>
internal sealed class AgentAudit(EventStore events) : IAuditSink
{
    /// <inheritdoc/>
    public void Record(AuditEntry entry)
    {
        var good = entry.Outcome == "OK";
        var own = entry.Principal.StartsWith("master/", StringComparison.Ordinal);
        var human = entry.Principal.StartsWith("human/", StringComparison.Ordinal);
        events.Add(new NodeEvent(good ? "call" : "denied", good ? "info" : "warning",
            $"{entry.Method} by {entry.Principal} from {entry.Peer}: {entry.Outcome}{(entry.Detail is null ? "" : $" ({entry.Detail})")}")
        {
            Service = entry.Service ?? "",
            Principal = entry.OnBehalfOf ?? entry.Principal,
            Operation = entry.Operation ?? "",
            Direct = human || (!good && !own),
        });
    }
}
