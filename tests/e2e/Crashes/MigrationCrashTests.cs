using System.Globalization;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Crashes;

/// <summary>
/// A migration under a writer while master, source or target is killed at its durable calls (<see cref="CrashPoint"/>): every one of them in the long
/// run, a sample by a seed otherwise. After each: it has an end, exactly one writable copy runs, every acknowledged row is there, both sides agree.
/// </summary>
internal sealed class MigrationCrashTests
{
    [Test]
    public async Task A_migration_killed_anywhere_leaves_one_copy_with_every_acknowledged_row()
    {
        var random = new Random(LongRun.Seed);
        await RowService.EnsureImageAsync();
        await using var fleet = await PairFleet.StartAsync(RowService.Image);
        await using var rows = new RowService(fleet, "rows");
        await rows.StartAsync(PairFleet.Ant);
        await rows.UntilMoreAsync(10);
        var at = PairFleet.Ant;
        // About how many points a role has in one migration; the operation itself tells where a guess is too high.
        foreach (var (role, points) in new[] { ("master", 25), ("source", 30), ("target", 45) }.Where(r => LongRun.Selects(r.Item1)))
        {
            var known = points;
            for (var round = 1; LongRun.Is ? round <= known : round <= 1; round++)
            {
                var k = LongRun.Is ? round : random.Next(1, known + 1);
                var (where, seen) = await KillAsync(fleet, rows, role, at, k);
                (at, known) = (where, seen is { } count ? Math.Max(1, count) : LongRun.Is ? Math.Max(known, round + 1) : known);
            }
        }
    }

    // Where it runs then; and how many points there were, if fewer than k.
    private static async Task<(string Where, int? Points)> KillAsync(PairFleet fleet, RowService rows, string role, string source, int k)
    {
        var target = source == PairFleet.Ant ? PairFleet.Bee : PairFleet.Ant;
        var victim = role switch { "master" => fleet.Master, "source" => fleet.Agent(source), _ => fleet.Agent(target) };
        var because = $"{role} killed at point {k} on the way from {source} to {target} (MCP_SEED={LongRun.Seed})";
        var point = await CrashPoint.AttachAsync(victim, k);
        var migration = fleet.RunAsync("migrate", "rows", "--to", target, "--yes");
        await Task.WhenAny(migration, point.Killed);
        await point.DisposeAsync();
        because = $"{because}, {point.Last}";
        if (!victim.IsRunning)
            victim.Start();
        var interrupted = await migration;
        Report($"{because}: {(interrupted.ExitCode == 0 ? "done" : interrupted.Errors.Trim().ReplaceLineEndings(" | "))}");
        await fleet.UntilHealthyAsync();
        await Wait.UntilAsync($"no operation is open ({because})", async () => await SqliteFile.ReadAsync(fleet.MasterDatabase, "SELECT count(*) FROM operations WHERE state = 'running'") == "0",
            TimeSpan.FromMinutes(2), () => Task.FromResult($"{interrupted}\n{fleet.Printed}"));
        var where = await rows.RequireWholeAsync($"{because}\n{interrupted}");
        await Assert.That(await SqliteFile.ReadAsync(fleet.MasterDatabase, "SELECT node FROM placements WHERE service = 'rows'")).IsEqualTo(where).Because(because);
        await Assert.That(await SqliteFile.ReadAsync(fleet.MasterDatabase, "SELECT node FROM data_records WHERE service = 'rows' AND state = 'current'")).IsEqualTo(where).Because(because);
        await Assert.That(await SqliteFile.ReadAsync(fleet.AgentDatabase(where), "SELECT desired_running || held_by FROM services WHERE name = 'rows'")).IsEqualTo("1").Because(because);
        await rows.UntilMoreAsync(2);
        await TidyAsync(fleet, where);
        return (where, point.HasKilled ? null : point.Seen);
    }

    // What a source still has after a move that it slept through is cleaned up within a minute; the next round does not wait for that.
    private static async Task TidyAsync(PairFleet fleet, string where)
    {
        var other = where == PairFleet.Ant ? PairFleet.Bee : PairFleet.Ant;
        await Wait.UntilAsync($"{other} has nothing of it in its place", async () =>
            await SqliteFile.ReadAsync(fleet.AgentDatabase(other), "SELECT (SELECT count(*) FROM services WHERE name = 'rows') + (SELECT count(*) FROM data_records WHERE service = 'rows')") == "0",
            TimeSpan.FromMinutes(3), () => Task.FromResult(fleet.Printed));
    }

    private static void Report(string line) => TestContext.Current?.OutputWriter.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:HH:mm:ss} {line}"));
}
