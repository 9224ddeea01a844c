using Mcp.Master.Configuration;
using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.Master.Registration;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Planning;
using Mcp.Sqlite;
using Mcp.V1;

namespace Mcp.Master.Reconciliation;

/// <summary>
/// Gathers what a plan is made from: every node is asked once, all at the same time, then the rows are read in one transaction. No question is
/// asked per service, so a plan of 500 costs what a plan of one costs.
/// </summary>
internal sealed class FleetSurvey(
    Database database, FleetObservation observation, NodeHealthBoard board, OpenOperations open, ServiceLocks locks, MasterConfiguration configuration)
{
    /// <summary>The facts now, for a request whose specs are complete.</summary>
    public async Task<FleetFacts> LookAsync(SyncRequest request, CancellationToken cancellation)
    {
        var answers = await observation.AskAsync("", "", cancellation);
        var containers = answers.Values.Where(a => a.Live is not null)
            .ToDictionary(a => a.Node, a => a.Live!.Containers.ToLookup(c => c.Service, StringComparer.Ordinal), StringComparer.Ordinal);
        return database.Read(connection =>
        {
            var unsettled = OperationStore.Open(connection).Where(o => o.Service.Length > 0 && !open.IsRunningHere(o.Id)).GroupBy(o => o.Service).ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);
            return new FleetFacts
            {
                Desired = request.Services,
                Only = request.Only,
                Deployed =
                [
                    .. PlacementStore.All(connection).Select(p => Judge(
                        p, answers.GetValueOrDefault(p.Node), containers.TryGetValue(p.Node, out var there) ? [.. there[p.Service]] : [], unsettled.GetValueOrDefault(p.Service))),
                ],
                Data = DataRecordStore.All(connection).Where(d => d.State == "current").ToDictionary(d => d.Service, d => new DataPlace(d.Node, d.Epoch, d.Spec.Tier), StringComparer.Ordinal),
                Fleet = DeployPlanner.Snapshot(connection, configuration.ScheduleOnMaster, board),
                Claims = [.. HostnameStore.All(connection).Select(h => h.ToClaim())],
                Zone = configuration.Zone,
                AllowedDomains = configuration.AllowedDomains,
                Seen = request.Overwrite ? null : request.Seen.GroupBy(s => s.Service).ToDictionary(g => g.Key, g => g.Last().Generation, StringComparer.Ordinal),
            };
        });
    }

    private DeployedService Judge(PlacementRow placement, NodeAnswer? answer, IReadOnlyList<ContainerStatus> containers, OperationRow? unsettled)
    {
        var silence = answer?.Live is null ? $"{placement.Node} cannot be asked: {answer?.Silence ?? "it is not a node any more"}"
            : unsettled is not null ? $"what became of the {unsettled.Kind} {unsettled.Id} of {unsettled.Principal} is not known yet"
            : null;
        var idle = placement.Spec.Components
            .Where(c => containers.All(x => x.Component != c.Name || x.State != "running")).Select(c => ServiceJudgement.Fault(c.Name, containers)).OfType<string>().ToList();
        return new DeployedService
        {
            Name = placement.Service,
            Node = placement.Node,
            Pending = placement.Pending,
            Spec = placement.Spec,
            SpecHash = placement.SpecHash,
            Generation = placement.Generation,
            Epoch = placement.Epoch,
            Principal = placement.Principal,
            At = placement.At,
            State = silence is not null ? ServiceState.Unknown : idle.Count == 0 ? ServiceState.Running : ServiceState.Stopped,
            Detail = silence ?? string.Join("; ", idle),
            AnythingRuns = containers.Any(c => c.State == "running"),
            NodeGeneration = containers.Select(c => c.Generation).DefaultIfEmpty().Max(),
            Remark = silence is null ? Remark(placement, containers) : "",
        };
    }

    private string Remark(PlacementRow placement, IReadOnlyList<ContainerStatus> containers)
    {
        var remarks = containers.Where(c => c is { State: "running", Health: "unhealthy" }).Select(c => $"{c.Component} is unhealthy (mcp logs {placement.Service})")
            .Concat(containers.Where(c => c.Drift).Select(c => $"the container of {c.Component} was changed behind the agent's back (mcp status {placement.Service})"));
        if (ServiceName.TryParse(placement.Service, out var name, out _) && locks.HolderOf(name) is { } holder)
            remarks = remarks.Append($"at work on it now: {holder}");
        return string.Join("; ", remarks);
    }
}
