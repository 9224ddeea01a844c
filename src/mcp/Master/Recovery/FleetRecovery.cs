using Mcp.Errors;
using Mcp.Master.Identity;
using Mcp.Master.Reading;
using Mcp.Master.Registration;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Recovery;

/// <summary>
/// What a restored master does first. Its database is older than the fleet: since the copy, services moved, and people and nodes were revoked. So
/// before it runs a journalled operation or changes anything, every node is asked what it holds:
/// 1 the highest epoch of each service's data is adopted, with the finding `master behind`; 2 what any node knows to be revoked is revoked here,
///   too, and the revision goes above every one that a node has seen; 3 the node is waited for no longer.
/// All of it is one transaction a node, so a kill repeats at most one. An operator can give up a node that will not come back. Reading works
/// meanwhile and says what is waited for; changes are refused by <see cref="RecoveryGate"/>.
/// </summary>
internal sealed partial class FleetRecovery(Database database, AgentLinks links, NodeHealthBoard board, TimeProvider clock, ILogger<FleetRecovery> log)
{
    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Round = TimeSpan.FromSeconds(5);

    private volatile List<string> _awaited = database.Read(RecoveryStore.Awaited);

    /// <summary>The nodes that are still to be heard; empty in every ordinary life.</summary>
    public IReadOnlyList<string> Awaited => _awaited;

    /// <summary>Told when revocations may have changed.</summary>
    public Action PeopleChanged { get; set; } = () => { };

    /// <summary>Asks every node that is still to be heard, once.</summary>
    public async Task AskAsync(CancellationToken cancellation)
    {
        if (_awaited.Count == 0)
            return;
        LogWaiting(string.Join(", ", _awaited));
        await Task.WhenAll(_awaited.Select(node => AskAsync(node, cancellation)));
    }

    /// <summary>Asks again and again until all were heard.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(Round, clock);
        while (_awaited.Count > 0 && await timer.WaitForNextTickAsync(cancellation))
            await Task.WhenAll(_awaited.Select(node => AskAsync(node, cancellation)));
    }

    /// <summary>The operator says that a node is not to be waited for: what it holds in a higher epoch is then not known.</summary>
    /// <returns>The nodes that are still to be heard.</returns>
    /// <exception cref="McpException">FailedPrecondition: nothing is waited for; NotFound: not for this node.</exception>
    public IReadOnlyList<string> AcceptMissing(string node, string by)
    {
        if (_awaited.Count == 0)
            throw new McpException(FaultCode.FailedPrecondition, "this master waits for no node") { Hint = "mcp status" };
        if (!_awaited.Contains(node))
            throw new McpException(FaultCode.NotFound, $"this master does not wait for {Printable.Line(node, 80)}") { Hint = $"it waits for {string.Join(", ", _awaited)}" };
        Write(connection =>
        {
            RecoveryStore.Remove(connection, node);
            EventStore.Add(connection, Event(node, "restored-missing", "warning", $"{node} was given up by {by}: what it holds is adopted when it comes back"));
        });
        return _awaited;
    }

    private async Task AskAsync(string node, CancellationToken cancellation)
    {
        try
        {
            var agent = links.To(node);
            var said = await agent.NodeStatusAsync(new NodeStatusRequest(), links.Options(AskLimit, cancellation));
            var data = await agent.ListDataAsync(new ListDataRequest(), links.Options(AskLimit, cancellation));
            Take(node, said, data);
        }
        catch (McpException e)
        {
            // The next round asks again, and `mcp status` names it until then.
            LogUnheard(node, e.Message);
        }
    }

    private void Take(string node, NodeStatusResponse said, ListDataResponse data)
    {
        var what = "";
        Write(connection =>
        {
            var owned = data.Records.Where(r => r.State == "current").Select(r => new OwnedService { Name = r.Service, Epoch = r.Epoch, VolumeId = r.VolumeId });
            var judged = Ownership.Judge(connection, node, owned, Timestamp.Now(clock));
            foreach (var displaced in judged.Displaced)
                board.MustRegister(displaced);
            var known = RevocationStore.All(connection).ToHashSet(StringComparer.Ordinal);
            var unknown = said.Revoked.Where(r => r.Length is > 0 and <= 200 && !known.Contains(r)).ToList();
            FleetStore.RaiseRevisionAbove(connection, said.RevocationRevision);
            if (unknown.Count > 0)
                RevocationStore.Add(connection, unknown, Timestamp.Now(clock), $"agent/{node}", "known to a node when this master was restored");
            // A node that was removed since the copy was taken is not waited for.
            foreach (var removed in RecoveryStore.Awaited(connection).Where(n => unknown.Contains($"agent/{n}")))
                RecoveryStore.Remove(connection, removed);
            RecoveryStore.Remove(connection, node);
            what = $"data of {data.Records.Count} services, {unknown.Count} revocations that were not known here";
            EventStore.Add(connection, Event(node, "restored-heard", "info", $"{node} was heard: {what}"));
        });
        PeopleChanged();
        LogHeard(node, what);
    }

    private void Write(Action<Microsoft.Data.Sqlite.SqliteConnection> write)
    {
        _awaited = database.Write(connection =>
        {
            write(connection);
            var left = RecoveryStore.Awaited(connection);
            if (left.Count == 0)
                EventStore.Add(connection, Event("", "restored-complete", "info", "all nodes were heard or given up: the master works as usual from now on"));
            return left;
        });
        if (_awaited.Count == 0)
            LogComplete();
    }

    private FleetEvent Event(string node, string kind, string severity, string message) => new()
    {
        At = Timestamp.Now(clock),
        Node = node,
        Kind = kind,
        Severity = severity,
        Message = message,
    };
}
