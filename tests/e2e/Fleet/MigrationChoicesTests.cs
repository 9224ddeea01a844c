using System.Text.Json;
using System.Text.RegularExpressions;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Fleet;

/// <summary>
/// The ways of a migration that need a decision of the operator, on two real nodes under a writer: a node that is drained, a copy that is gone back to, a
/// copy whose time is over, a hold that is broken, a source that is dead. Whatever was decided, one copy runs at the end, with every row that was not given up.
/// </summary>
internal sealed partial class MigrationChoicesTests
{
    [Test]
    public async Task What_the_operator_decides_is_done_told_and_costs_no_row_that_he_did_not_give_up()
    {
        await RowService.EnsureImageAsync();
        // Kept for a moment only, so that it is the proof that is waited for, and not the time.
        await using var fleet = await PairFleet.StartAsync(RowService.Image, new PairSetting { MasterSettings = "\n[migration]\nkeep_source = \"1s\"\n" });
        await using var rows = new RowService(fleet, "rows");
        await rows.StartAsync(PairFleet.Ant);
        await Task.WhenAll(IdleAsync(fleet, "able"), IdleAsync(fleet, "stay"));
        await rows.UntilMoreAsync(10);

        var before = rows.Mark();
        var undo = await DrainAsync(fleet, rows);
        await GoBackAsync(fleet, rows, undo, before);
        await ReapAsync(fleet, rows);
        await BreakHoldAsync(fleet, rows);
        await DeadSourceAsync(fleet, rows);
    }

    // One after another; the first that fails ends it and is put back, and the same command goes on with the rest.
    private static async Task<string> DrainAsync(PairFleet fleet, RowService rows)
    {
        var foreign = Directory.CreateDirectory(Path.Combine(fleet.DataRoot(PairFleet.Bee), "stay")).FullName;
        await File.WriteAllTextAsync(Path.Combine(foreign, "somebody's"), "");
        var unconfirmed = await fleet.RunAsync("migrate", "--all", "--from", "ant", "--to", "bee");
        await Assert.That(unconfirmed.Errors).Contains("not confirmed: move 3 services from ant to bee?");
        var stopped = await fleet.RunAsync("migrate", "--all", "--from", "ant", "--to", "bee", "--yes");
        await Assert.That(stopped.ExitCode).IsEqualTo(1);
        await Assert.That(stopped.Errors).Contains("stay did not move to bee").And.Contains("is not empty").And.Contains("stay runs on ant again").And.Contains("2 of 3 services have moved").And.Contains("next: mcp migrate --all --from ant --to bee");
        await Assert.That(stopped.Output).Contains("able moved from ant to bee").And.Contains("rows moved from ant to bee");
        await Assert.That(string.Join(' ', await fleet.RunningOnAsync("stay"))).IsEqualTo("ant");
        await Assert.That(File.Exists(Path.Combine(foreign, "somebody's"))).IsTrue();
        Directory.Delete(foreign, recursive: true);

        var rest = (await fleet.RunAsync("migrate", "--all", "--from", "ant", "--to", "bee", "--yes")).OrThrow();
        await Assert.That(rest.Output).Contains("stay moved from ant to bee").And.DoesNotContain("rows moved");
        await Assert.That((await fleet.RunAsync("migrate", "--all", "--from", "ant", "--to", "bee", "--yes")).OrThrow().Errors).Contains("nothing to do");
        foreach (var service in new[] { "able", "stay" })
            await Assert.That(string.Join(' ', await fleet.RunningOnAsync(service))).IsEqualTo("bee");
        await rows.RequireWholeAsync("after its node was drained", PairFleet.Bee);
        return UndoOf().Matches(stopped.Output).Select(m => m.Groups[1].Value).Last();
    }

    // To the copy that was kept; what was written since is given up, by name.
    private static async Task GoBackAsync(PairFleet fleet, RowService rows, string undo, IReadOnlySet<long> before)
    {
        await rows.UntilMoreAsync(10);
        await rows.PauseAsync();
        var kept = await KeptRowsAsync(fleet);
        await Assert.That(before.Except(kept)).IsEmpty();
        var planned = await fleet.RunAsync("migrate", "undo", undo, "--discard-since", "--dry-run");
        await Assert.That(planned.ExitCode).IsEqualTo(2);
        await Assert.That(planned.Output).Contains("GIVEN UP       everything written since ").And.Contains("the copy that was kept on ant");
        var unconfirmed = await fleet.RunAsync("migrate", "undo", undo, "--discard-since", "--yes");
        await Assert.That(unconfirmed.ExitCode).IsEqualTo(1);
        await Assert.That(unconfirmed.Errors).Contains("give up everything that rows wrote since").And.Contains("--confirm rows");
        await rows.RequireWholeAsync("nothing was done yet", PairFleet.Bee);
        (await fleet.RunAsync("migrate", "undo", undo, "--discard-since", "--confirm", "rows")).OrThrow();
        await rows.RequireWholeAsync("after going back", PairFleet.Ant, kept);
        await rows.ResumeAsync(kept);
        await rows.UntilMoreAsync(10);
    }

    // Its time is over at once; it goes when a verified, complete snapshot of the new place is there, and not before.
    private static async Task ReapAsync(PairFleet fleet, RowService rows)
    {
        await EventAsync(fleet, "is kept although its time is over: there is no verified, complete snapshot that was taken on ant since");
        await Assert.That(await CopiesAsync(fleet)).IsEquivalentTo(["aside bee", "current ant"]);
        await Assert.That(AsideOf(fleet, PairFleet.Bee)).IsEqualTo(1);
        (await fleet.RunAsync("snapshot", "rows")).OrThrow();
        (await fleet.RunAsync("snapshot", "verify", "rows")).OrThrow();
        await EventAsync(fleet, "the copy of rows that was kept on bee is erased");
        await Assert.That(AsideOf(fleet, PairFleet.Bee)).IsEqualTo(0);
        await Assert.That(await CopiesAsync(fleet)).IsEquivalentTo(["current ant"]);
        await rows.RequireWholeAsync("after the old copy went", PairFleet.Ant);
    }

    // The target may run it and says nothing: nothing is started until an operator takes that on himself, and two copies end as one.
    private static async Task BreakHoldAsync(PairFleet fleet, RowService rows)
    {
        await rows.TakeTimeForHealthAsync();
        var migration = fleet.RunAsync("migrate", "rows", "--to", "bee", "--yes");
        await Wait.UntilAsync("the container on bee stands still", async () => (await fleet.PodmanAsync(PairFleet.Bee, "pause", "rows")).ExitCode == 0, TimeSpan.FromMinutes(1), () => Task.FromResult(fleet.Printed));
        await fleet.Agent(PairFleet.Bee).KillAsync();
        await Wait.UntilAsync("the master has noticed", async () => (await fleet.RunAsync("node", "list", "--json")).Output.Contains("\"unhealthy\"", StringComparison.Ordinal), TimeSpan.FromMinutes(1));
        await Assert.That(migration.IsCompleted).IsFalse();
        await Assert.That(await fleet.RunningOnAsync("rows")).DoesNotContain("ant");
        (await fleet.RunAsync("start", "rows", "--break-hold")).OrThrow();
        var failed = await migration;
        await Assert.That(failed.ExitCode).IsEqualTo(1);
        await Assert.That(failed.Errors).Contains("rows runs on ant again").And.Contains("what bee got is superseded");
        // Now there are two, as was said; until bee is heard.
        await fleet.PodmanAsync(PairFleet.Bee, "unpause", "rows");
        await Assert.That(await fleet.RunningOnAsync("rows")).IsEquivalentTo(["ant", "bee"]);
        fleet.Agent(PairFleet.Bee).Start();
        await fleet.UntilHealthyAsync();
        await rows.RequireWholeAsync("after bee was heard again", PairFleet.Ant);
        await rows.UntilMoreAsync(5);
    }

    private static async Task DeadSourceAsync(PairFleet fleet, RowService rows)
    {
        string[] order = ["migrate", "rows", "--to", "bee", "--from-snapshot", "--source-dead", "ant", "--force"];
        var alive = await fleet.RunAsync([.. order, "--confirm", "ant"]);
        await Assert.That((alive.ExitCode, alive.Errors.Contains("ant answers, so it is not dead", StringComparison.Ordinal))).IsEqualTo((1, true)).Because(alive.ToString());
        var kept = await rows.PauseAsync();
        (await fleet.RunAsync("snapshot", "rows")).OrThrow();
        await rows.ResumeAsync(kept);
        await rows.UntilMoreAsync(5);
        await rows.PauseAsync();

        // Its agent is gone and its container runs on, as on a machine that is cut off.
        await fleet.Agent(PairFleet.Ant).KillAsync();
        await Wait.UntilAsync("the master has noticed", async () => (await fleet.RunAsync("node", "list", "--json")).Output.Contains("\"unhealthy\"", StringComparison.Ordinal), TimeSpan.FromMinutes(1));
        var moved = await fleet.RunAsync("migrate", "rows", "--to", "bee", "--yes");
        await Assert.That(moved.Errors).Contains("its data is on ant").And.Contains("--from-snapshot --source-dead ant");
        var unconfirmed = await fleet.RunAsync([.. order, "--yes"]);
        await Assert.That(unconfirmed.Output).Contains("LOST           everything written since then").And.Contains("last heartbeat").And.Contains("two copies run until it is heard");
        await Assert.That(unconfirmed.Errors).Contains("declare ant dead").And.Contains("--confirm ant");
        (await fleet.RunAsync([.. order, "--confirm", "ant"])).OrThrow();
        await Assert.That(await fleet.RunningOnAsync("rows")).IsEquivalentTo(["ant", "bee"]).Because("silent is not dead");
        fleet.Agent(PairFleet.Ant).Start();
        await fleet.UntilHealthyAsync();
        await rows.RequireWholeAsync("after the dead was heard", PairFleet.Bee, kept);
        await rows.ResumeAsync(kept);
        await rows.UntilMoreAsync(5);
        await Assert.That((await fleet.RunAsync("status")).Errors).Contains("ant holds an older copy");
    }

    private static async Task IdleAsync(PairFleet fleet, string service)
    {
        Directory.CreateDirectory(fleet.Definitions);
        await File.WriteAllTextAsync(Path.Combine(fleet.Definitions, $"{service}.toml"), $$"""
            name = "{{service}}"
            node = "ant"
            [[components]]
            name    = "{{service}}"
            image   = "{{RowService.Image}}"
            network = "host"
            volumes = ["/srv/{{service}}:/data"]
            cmd     = ["sh", "-c", "echo mine > /data/file; trap 'exit 0' TERM; while :; do sleep 0.1; done"]
            """);
        (await fleet.RunAsync("deploy", service)).OrThrow();
    }

    // As the copy on ant has them, which nobody writes to.
    private static async Task<IReadOnlySet<long>> KeptRowsAsync(PairFleet fleet)
    {
        var copy = Directory.GetDirectories(Path.Combine(fleet.DataRoot(PairFleet.Ant), ".mcp/aside"), "rows-*").Single();
        var rows = (await Shell.RunAsync("sqlite3", [Path.Combine(copy, "data/rows.db"), "SELECT n FROM rows"])).OrThrow();
        return rows.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(n => long.Parse(n, System.Globalization.CultureInfo.InvariantCulture)).ToHashSet();
    }

    private static int AsideOf(PairFleet fleet, string node) => Directory.GetDirectories(Path.Combine(fleet.DataRoot(node), ".mcp/aside"), "rows-*").Length;

    private static async Task<IReadOnlyList<string>> CopiesAsync(PairFleet fleet)
    {
        using var listed = JsonDocument.Parse((await fleet.RunAsync("data", "list", "rows", "--json")).OrThrow().Output);
        return [.. listed.RootElement.GetProperty("records").EnumerateArray().Select(r => $"{r.GetProperty("state").GetString()} {r.GetProperty("node").GetString()}")];
    }

    private static Task EventAsync(PairFleet fleet, string words) => Wait.UntilAsync(
        words, async () => (await fleet.RunAsync("events", "--service", "rows", "-n", "0")).Output.Contains(words, StringComparison.Ordinal), TimeSpan.FromMinutes(1), async () => (await fleet.RunAsync("events", "--service", "rows")).Output);

    [GeneratedRegex("mcp migrate undo (\\S+)")]
    private static partial Regex UndoOf();
}
