using System.Text.RegularExpressions;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Fleet;

/// <summary>A service with a database under a writer moves between two nodes; whatever goes wrong, one copy runs and has every acknowledged row.</summary>
internal sealed partial class MigrationTests
{
    [Test]
    public async Task A_database_under_a_writer_moves_comes_back_and_survives_what_goes_wrong()
    {
        await RowService.EnsureImageAsync();
        await using var fleet = await PairFleet.StartAsync(RowService.Image);
        await using var rows = new RowService(fleet, "rows");
        await rows.StartAsync(PairFleet.Ant);
        await rows.UntilMoreAsync(20);

        await Assert.That((await fleet.RunAsync("migrate", "rows", "--to", "bee", "--dry-run")).ExitCode).IsEqualTo(2);
        var asked = await fleet.RunAsync("migrate", "rows", "--to", "bee");
        await Assert.That(asked.ExitCode).IsEqualTo(1);
        await Assert.That(asked.Errors).Contains("not confirmed: move rows from ant to bee?");

        // There and back.
        var moved = (await fleet.RunAsync("migrate", "rows", "--to", "bee", "--yes")).OrThrow();
        await Assert.That(moved.Output).Contains("rows moved from ant to bee").And.Contains("interrupted for").And.Contains("1 database");
        await rows.RequireWholeAsync("after the move", PairFleet.Bee);
        await rows.UntilMoreAsync(10);
        await Assert.That(await File.ReadAllTextAsync(Path.Combine(fleet.Definitions, "rows.toml"))).Contains("node = \"bee\"   # where its disk is");
        await Assert.That((await fleet.RunAsync("plan")).ExitCode).IsEqualTo(0).Because("the definition followed");
        await Assert.That((await fleet.RunAsync("status", "--check")).ToString()).Contains("no findings");
        await Assert.That(Directory.Exists(Path.Combine(fleet.DataRoot(PairFleet.Ant), "rows"))).IsFalse();
        var id = UndoOf().Match(moved.Output).Groups[1].Value;
        (await fleet.RunAsync("migrate", "undo", id, "--yes")).OrThrow();
        await rows.RequireWholeAsync("after the undo", PairFleet.Ant);
        await rows.UntilMoreAsync(10);

        await FullDiskAsync(fleet, rows);
        await NeverHealthyAsync(fleet, rows);
        await CutAsync(fleet, rows);
    }

    // Refused before anything stops.
    private static async Task FullDiskAsync(PairFleet fleet, RowService rows)
    {
        var filler = Path.Combine(fleet.DataRoot(PairFleet.Bee), "filler");
        (await Shell.RunAsync("fallocate", ["-l", $"{PairFleet.BeeDisk - 40}M", filler])).OrThrow();
        var refused = await fleet.RunAsync("migrate", "rows", "--to", "bee", "--yes");
        File.Delete(filler);
        await Assert.That(refused.ExitCode).IsEqualTo(1);
        await Assert.That(refused.Errors).Contains("its disk has").And.Contains("nothing was done");
        await rows.RequireWholeAsync("after a full disk", PairFleet.Ant);
    }

    private static async Task NeverHealthyAsync(PairFleet fleet, RowService rows)
    {
        await rows.TakeTimeForHealthAsync();
        var migration = fleet.RunAsync("migrate", "rows", "--to", "bee", "--yes");
        await Wait.UntilAsync("the container on bee stands still", async () => (await fleet.PodmanAsync(PairFleet.Bee, "pause", "rows")).ExitCode == 0, TimeSpan.FromMinutes(1));
        var failed = await migration;
        await Assert.That(failed.ExitCode).IsEqualTo(1);
        await Assert.That(failed.Errors).Contains("rows did not move to bee").And.Contains("rows runs on ant again, with its data as it was; nothing of it is on bee");
        await rows.RequireWholeAsync("after a target that never was healthy", PairFleet.Ant);
        await rows.UntilMoreAsync(5);
        await Assert.That(Directory.Exists(Path.Combine(fleet.DataRoot(PairFleet.Bee), "rows"))).IsFalse();
    }

    // The target falls silent in the middle of the copy: the source starts again without it, and what it got is superseded when it is heard.
    private static async Task CutAsync(PairFleet fleet, RowService rows)
    {
        var ballast = Path.Combine(fleet.DataRoot(PairFleet.Ant), "rows", "data", "ballast");
        (await Shell.RunAsync("dd", ["if=/dev/urandom", $"of={ballast}", "bs=1M", "count=120", "status=none"])).OrThrow();
        var migration = fleet.RunAsync("migrate", "rows", "--to", "bee", "--yes");
        await Wait.UntilAsync("data arrives on bee", () => Task.FromResult(Directory.Exists(Path.Combine(fleet.DataRoot(PairFleet.Bee), ".mcp", "staging"))
            && Directory.EnumerateFileSystemEntries(Path.Combine(fleet.DataRoot(PairFleet.Bee), ".mcp", "staging")).Any()), TimeSpan.FromMinutes(1), () => Task.FromResult(fleet.Printed));
        await fleet.Agent(PairFleet.Bee).SignalAsync("STOP");
        var failed = await migration;
        await Assert.That(failed.ExitCode).IsEqualTo(1).Because(failed.ToString());
        await Assert.That(failed.Errors).Contains("rows runs on ant again");
        await rows.RequireWholeAsync("while bee is silent", PairFleet.Ant);
        await fleet.Agent(PairFleet.Bee).SignalAsync("CONT");
        await fleet.UntilHealthyAsync();
        await rows.RequireWholeAsync("after bee came back", PairFleet.Ant);
        File.Delete(ballast);
        (await fleet.RunAsync("migrate", "rows", "--to", "bee", "--yes", "--force")).OrThrow();
        await rows.RequireWholeAsync("after the same again", PairFleet.Bee);
    }

    [GeneratedRegex("mcp migrate undo (\\S+)")]
    private static partial Regex UndoOf();
}
