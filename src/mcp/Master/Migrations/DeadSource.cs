using Mcp.Errors;
using Mcp.Master.Registration;
using Mcp.Master.Snapshots;
using Mcp.Operations;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Migrations;

/// <summary>
/// Step 1 where the source is dead: silent is not dead, so an operator has to say it, and a node that answers proves him wrong. What is taken instead of
/// the data is a snapshot, older than the data by what the plan says, and read from its first byte to its last before anything is done.
/// </summary>
internal sealed class DeadSource(Database database, AgentLinks links, SnapshotVerification verification)
{
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(3);

    /// <summary>Adds to the plan what is restored, or refuses.</summary>
    /// <exception cref="McpException">The source answers, or the snapshot does not do.</exception>
    public async Task PlanAsync(MigrationIntent intent, MigrateRequest request, OperationScope? scope, CancellationToken ct)
    {
        await RequireSilentAsync(intent, ct);
        var (service, plan) = (intent.Spec.Name, intent.Plan);
        var (all, seen) = database.Read(c => (SnapshotStore.All(c, service), NodeStore.Observations(c)));
        var row = SnapshotChoice.Of(all, service, request.Snapshot, "");
        plan.Snapshot = row.ToMessage();
        plan.LastHeartbeat = seen.GetValueOrDefault(intent.Source)?.HeartbeatAt ?? "";
        (plan.Bytes, plan.Entries) = (row.Trailer.Bytes, row.Trailer.Entries);
        plan.Databases.AddRange(row.Trailer.Databases);
        plan.Skipped.AddRange(row.Trailer.Skipped);
        plan.EstimateMillis = (long)MigrationRules.Estimate(row.Trailer.Bytes, plan.Rate).TotalMilliseconds;
        plan.Remarks.Add($"silent is not dead: if {intent.Source} still runs, two copies run until it is heard; then it hears that its own is superseded, and stops it");
        if (scope is null)
            return;
        if (row.Partial && !request.AcceptPartial)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the snapshot {row.Filename} of {service} is partial: {row.Trailer.Skipped.Count} entries are not in it")
            {
                Cause = string.Join("; ", row.Trailer.Skipped.Take(20).Select(s => $"{PrintableBytes.Line(s.Path.Span)}: {s.Rule}")),
                State = "nothing was done",
                Hint = $"choose another one (mcp snapshot list {service}), or take it as it is: --accept-partial",
            };
        }
        scope.Say($"reading every byte of {row.Filename}");
        try
        {
            await verification.RequireWholeAsync(row, all, "restore", done => scope.Progress("verify", done, row.SizeBytes, "bytes"), ct);
        }
        catch (McpException e) when (e.Code is FaultCode.DataLoss or FaultCode.NotFound)
        {
            // The next older one is proposed, never taken by itself.
            throw new McpException(e.Code, e.Message, e)
            {
                Cause = e.Cause,
                State = "nothing was done",
                Hint = SnapshotChoice.OlderThan(all, row) is { } older
                    ? $"the next older one is of {older.CreatedAt}: mcp migrate {service} --to {intent.Target} --from-snapshot --source-dead {intent.Source} --snapshot {older.Id}"
                    : $"there is no older one: mcp snapshot list {service}",
            };
        }
    }

    private async Task RequireSilentAsync(MigrationIntent intent, CancellationToken ct)
    {
        McpException? silence = null;
        try
        {
            await links.To(intent.Source).HealthCheckAsync(new HealthCheckRequest(), links.Options(ProbeLimit, ct));
        }
        catch (McpException e) when (e.Code is FaultCode.Unavailable or FaultCode.DeadlineExceeded or FaultCode.NotFound)
        {
            silence = e;
        }
        catch (McpException)
        {
            // A refusal is an answer.
        }
        if (silence is null)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{intent.Source} answers, so it is not dead; a snapshot would lose what {intent.Spec.Name} wrote since it was made")
            {
                Node = intent.Source,
                State = "nothing was done",
                Hint = $"mcp migrate {intent.Spec.Name} --to {intent.Target}",
            };
        }
    }
}
