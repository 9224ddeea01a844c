using System.Text;
using Mcp.EndToEnd.Harness;
using Mcp.Master.Migrations;

namespace Mcp.EndToEnd.Crashes;

/// <summary>
/// Migrations of one service between two nodes, each disturbed by something, and what must hold when each has settled: no operation is open; exactly one
/// copy runs and has every acknowledged row; rows of the master and of both agents agree; the operator was told what became of it, by the command that
/// was disturbed and by an event. The service stays where it ended; the next one goes the other way.
/// </summary>
internal sealed class MigrationTrial(PairFleet fleet, RowService rows, string service = "rows")
{
    private readonly SortedDictionary<string, int> _ends = new(StringComparer.Ordinal);
    private bool _leftovers;

    /// <summary>How far it is.</summary>
    public MigrationJournal Journal { get; } = new(fleet.MasterDatabase);

    /// <summary>Where the service is.</summary>
    public string Source { get; private set; } = PairFleet.Ant;

    /// <summary>Where the next migration goes.</summary>
    public string Target => Source == PairFleet.Ant ? PairFleet.Bee : PairFleet.Ant;

    /// <summary>"master", "source" or "target" of the next migration.</summary>
    public RoleProcess Role(string role) => role switch { "master" => fleet.Master, "source" => fleet.Agent(Source), _ => fleet.Agent(Target) };

    /// <summary>What became of all of them so far, one line for each kind of fault, step and end.</summary>
    public string Ends => string.Join('\n', _ends.Select(e => $"{e.Value,4} × {e.Key}"));

    /// <summary>Migrates and lets it be disturbed.</summary>
    /// <param name="fault">In a word or two, for the counts.</param>
    /// <param name="disturbAsync">Told when the command has begun; returns where it struck, "" for nowhere, and has put its fault away by then.</param>
    /// <returns>Whether the fault struck.</returns>
    public async Task<bool> RunAsync(string fault, Func<Task<CommandResult>, Task<string>> disturbAsync)
    {
        var (source, target) = (Source, Target);
        Journal.Forget();
        // What a silent target got is superseded and stays where it is; the operator who wants it out of the way says so.
        var migration = _leftovers ? fleet.RunAsync("migrate", service, "--to", target, "--yes", "--force") : fleet.RunAsync("migrate", service, "--to", target, "--yes");
        var struck = await disturbAsync(migration);
        var because = $"{fault} at {struck} on the way from {source} to {target} (MCP_SEED={LongRun.Seed})";
        var told = await migration;
        await fleet.UntilHealthyAsync();
        await Wait.UntilAsync($"no operation is open ({because})", async () => await SqliteFile.ReadAsync(fleet.MasterDatabase, "SELECT count(*) FROM operations WHERE state = 'running'") == "0",
            TimeSpan.FromMinutes(2), () => Task.FromResult($"{told}\n{fleet.Printed}"));
        Source = await rows.RequireWholeAsync($"{because}\n{told}");
        var row = Journal.Row();
        var end = row is null ? "refused" : row.IsCommitted ? "forward" : "back";
        LongRun.Report($"{because}: {end}: {(told.ExitCode == 0 ? "done" : told.Errors.Trim().ReplaceLineEndings(" | "))}");
        await RequireAgreementAsync(row, source, target, because);
        await RequireToldAsync(row, told, source, target, because);
        await rows.UntilMoreAsync(2);
        _leftovers = row is { IsCommitted: false }
            && (await SqliteFile.ReadAsync(fleet.MasterDatabase, $"SELECT message FROM events WHERE operation = '{row.Operation}' AND kind = 'migration-put-back'")).Contains("is superseded", StringComparison.Ordinal);
        if (!_leftovers)
            await TidyAsync();
        if (struck.Length == 0)
            return false;
        var kind = $"{fault}, {struck.Split(';')[^1].Trim()}: {end}";
        _ends[kind] = _ends.GetValueOrDefault(kind) + 1;
        return true;
    }

    private async Task RequireAgreementAsync(MigrationRow? row, string source, string target, string because)
    {
        var expected = row is { IsCommitted: true } ? target : source;
        await Assert.That(Source).IsEqualTo(expected).Because($"{because}: the journal says {(row is null ? MigrationJournal.NotBegun : MigrationStore.Word(row.State))}");
        await Assert.That(await SqliteFile.ReadAsync(fleet.MasterDatabase, $"SELECT node FROM placements WHERE service = '{service}'")).IsEqualTo(expected).Because(because);
        await Assert.That(await SqliteFile.ReadAsync(fleet.MasterDatabase, $"SELECT node FROM data_records WHERE service = '{service}' AND state = 'current'")).IsEqualTo(expected).Because(because);
        await Assert.That(await SqliteFile.ReadAsync(fleet.AgentDatabase(expected), $"SELECT desired_running || held_by FROM services WHERE name = '{service}'")).IsEqualTo("1").Because(because);
        foreach (var database in new[] { fleet.MasterDatabase, fleet.AgentDatabase(source), fleet.AgentDatabase(target) })
            await Assert.That(await SqliteFile.ReadAsync(database, "PRAGMA integrity_check")).IsEqualTo("ok").Because($"{because}: {database}");
    }

    private async Task RequireToldAsync(MigrationRow? row, CommandResult told, string source, string target, string because)
    {
        var text = new StringBuilder(because).Append(": ").Append(told).ToString();
        // A terminal that could not wait for the end says how to come back to it.
        if (row is not null && told.Errors.Contains($"mcp watch {row.Operation}", StringComparison.Ordinal))
        {
            var watched = await fleet.RunAsync("watch", row.Operation);
            await Assert.That(watched.ExitCode).IsEqualTo(row.IsCommitted ? 0 : 1).Because($"{text}\n{watched}");
            told = watched with { Output = row.IsCommitted ? $"{service} moved from {source} to {target}" : "" };
        }
        if (row is { IsCommitted: true })
        {
            await Assert.That(told.ExitCode).IsEqualTo(0).Because(text);
            await Assert.That(told.Output).Contains($"{service} moved from {source} to {target}").Because(text);
        }
        else
        {
            await Assert.That(told.ExitCode).IsEqualTo(1).Because(text);
            await Assert.That(told.Errors).Contains("error: ").And.Contains("next: ").Because(text);
        }
        if (row is null)
            return;
        if (!row.IsCommitted)
            await Assert.That(told.Errors).Contains($"{service} did not move to {target}").And.Contains($"{service} runs on {source} again, with its data as it was").Because(text);
        var (kind, other) = row.IsCommitted ? ("migrated", "migration-put-back") : ("migration-put-back", "migrated");
        await Assert.That(await EventsAsync(row.Operation, kind)).IsNotEqualTo("0").Because(text);
        await Assert.That(await EventsAsync(row.Operation, other)).IsEqualTo("0").Because(text);
    }

    private Task<string> EventsAsync(string operation, string kind) =>
        SqliteFile.ReadAsync(fleet.MasterDatabase, $"SELECT count(*) FROM events WHERE operation = '{operation}' AND kind = '{kind}'");

    // What a source still has after a move that it slept through is cleaned up within a minute; the next one does not begin before that.
    private Task TidyAsync() => Wait.UntilAsync($"{Target} has nothing of it in its place", async () =>
        await SqliteFile.ReadAsync(fleet.AgentDatabase(Target), $"SELECT (SELECT count(*) FROM services WHERE name = '{service}') + (SELECT count(*) FROM data_records WHERE service = '{service}')") == "0"
        && !Directory.Exists(Path.Combine(fleet.DataRoot(Target), service))
        && (!Directory.Exists(Path.Combine(fleet.DataRoot(Target), ".mcp", "staging")) || !Directory.EnumerateFileSystemEntries(Path.Combine(fleet.DataRoot(Target), ".mcp", "staging")).Any()),
        TimeSpan.FromMinutes(3), LeftAsync);

    private async Task<string> LeftAsync() => (await Shell.RunAsync("find", [fleet.DataRoot(Target), "-maxdepth", "4", "-not", "-path", "*/mcp/*"])).Output
        + await SqliteFile.ReadAsync(fleet.AgentDatabase(Target), "SELECT name FROM services; SELECT service, epoch, state FROM data_records") + "\n" + fleet.Printed;
}
