using Mcp.Errors;
using Mcp.Master.Identity;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>What was done, or refused, on a node without the master, handed in afterwards: it goes into the audit, each once. Its line tells what came of it.</summary>
internal static class ActionReports
{
    private const int MostActions = 1000;

    /// <summary>Stores the actions of <paramref name="node"/> and gives the highest id that is stored now.</summary>
    /// <exception cref="McpException">InvalidArgument: too many at once.</exception>
    public static ReportActionsResponse Store(Database database, string node, ReportActionsRequest request, string now)
    {
        if (request.Actions.Count > MostActions)
            throw new McpException(FaultCode.InvalidArgument, $"{request.Actions.Count} actions in one report; at most {MostActions} are taken");
        return database.Write(connection =>
        {
            var last = (ulong)connection.Scalar<long>("SELECT last FROM reported_actions WHERE node = $node", ("$node", node));
            foreach (var action in request.Actions.Where(a => a.Id is <= long.MaxValue).OrderBy(a => a.Id))
            {
                if (action.Id <= last)
                    continue;
                last = action.Id;
                // What a node says is shown as what that node says: its name is the caller's, never the message's.
                var happened = new FleetEvent
                {
                    At = Timestamp.Read(action.At) is { } at ? Timestamp.Format(at) : now,
                    Node = node,
                    Service = Printable.Line(action.Service, 80),
                    Component = Printable.Line(action.Component, 80),
                    Kind = Printable.Line(action.Kind, 80),
                    Severity = action.Severity is "warning" or "error" ? action.Severity : "info",
                    Message = Printable.Line(action.Message, 1000),
                    Principal = Printable.Line(action.Principal, 100),
                    Operation = Printable.Line(action.Operation, 80),
                };
                AuditStore.Add(connection, new AuditRow(
                    happened.At, happened.Principal, $"agent/{node}", $"direct {happened.Kind}", node, happened.Service, happened.Operation, happened.Kind == "denied" ? "refused there" : "OK", happened.Message));
            }
            connection.Execute("INSERT OR REPLACE INTO reported_actions(node, last) VALUES($node, $last)", ("$node", node), ("$last", (long)last));
            return new ReportActionsResponse { Last = last };
        });
    }
}
