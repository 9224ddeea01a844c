using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Registration;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Migrations;

/// <summary>
/// Step 9: what the source still has after the commit. Its containers, routes and certificates go; its data goes aside and is kept. A source that is
/// away cannot undo anything by that: it holds a lower epoch, so it starts nothing, and it is cleaned up when it is heard again.
/// </summary>
internal sealed class SourceCleanup(MigrationParts parts)
{
    /// <summary>How long the operator's terminal waits for a source that is away; the rest is done without it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Cleans up, if the source can be asked within a short time.</summary>
    /// <returns>Whether it is done.</returns>
    public async Task<bool> TryAsync(MigrationRow row, MigrationIntent intent, RunningOperation run, CancellationToken ending)
    {
        if (intent.Plan.Mode == "snapshot" || parts.IsLost(intent.Source))
        {
            run.Scope.Skip("clean up", $"{intent.Source} is {(intent.Plan.Mode == "snapshot" ? "dead, by the operator's word; should it come back, it hears that its copy is superseded" : "no node any more")}");
            return true;
        }
        var started = parts.Clock.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await run.Scope.StepAsync("clean up", () => CleanAsync(row, intent, run.Request.Principal, attempt, ending));
                return true;
            }
            catch (McpException e) when (parts.Clock.GetElapsedTime(started) > Patience || parts.IsLost(intent.Source))
            {
                run.Scope.Warn("clean up", $"{intent.Source} still has the stopped containers and the data of {row.Service}: {Printable.Line(e.Message)}; it is done as soon as it can be");
                return false;
            }
            catch (McpException e)
            {
                run.Scope.Say($"{Printable.Line(e.Message)}; trying again");
                await Task.Delay(Pause, parts.Clock, ending);
            }
        }
    }

    /// <summary>Does it once. Repeatable: what is done already is no failure.</summary>
    /// <exception cref="McpException">The source could not be asked, or refused.</exception>
    public async Task CleanAsync(MigrationRow row, MigrationIntent intent, string by, int attempt, CancellationToken ending)
    {
        var agent = parts.Links.To(intent.Source);
        // A failed id answers its failure for ever; a later attempt is another operation there.
        var suffix = attempt == 1 ? "" : $"-{parts.Clock.GetUtcNow().ToUnixTimeMilliseconds():x}";
        var limit = parts.Configuration.Timeouts.Undeploy;
        if (intent.Plan.Deployed)
        {
            try
            {
                await agent.UndeployServiceAsync(
                    new UndeployServiceRequest { Service = row.Service, HeldBy = row.Operation }, parts.Links.Options(limit, ending, $"{row.Operation}-undeploy{suffix}", by));
            }
            catch (McpException e) when (e.Code == FaultCode.NotFound)
            {
                // It is gone already.
            }
        }
        try
        {
            await agent.SetDataAsideAsync(
                new SetDataAsideRequest { Service = row.Service, VolumeId = intent.VolumeId, Epoch = intent.SourceEpoch }, parts.Links.Options(limit, ending, $"{row.Operation}-aside{suffix}", by));
        }
        catch (McpException e) when (e.Code == FaultCode.NotFound && !parts.IsLost(intent.Source))
        {
            // Somebody has erased it, or taken it elsewhere: there is nothing to keep.
        }
    }

    /// <summary>Until when the source's copy is kept at least; empty: it has none that anybody can reach.</summary>
    public static string AsideUntil(MigrationParts parts, MigrationIntent intent) =>
        intent.Plan.Mode == "snapshot" || parts.IsLost(intent.Source) ? "" : Timestamp.Format(parts.Clock.GetUtcNow() + parts.Configuration.KeepSource);

    /// <summary>The row of a migration that is over.</summary>
    public static MigrationRow Over(MigrationParts parts, MigrationRow row, MigrationIntent intent) =>
        row with { State = MigrationState.Done, Held = false, AsideUntil = AsideUntil(parts, intent) is { Length: > 0 } until ? until : null };

    /// <summary>The source says no more that it holds the data, in the caller's transaction.</summary>
    public static void Record(SqliteConnection connection, MigrationRow row, MigrationIntent intent)
    {
        if (intent.Plan.Mode != "snapshot")
            ReportedServiceStore.Remove(connection, intent.Source, row.Service);
    }
}
