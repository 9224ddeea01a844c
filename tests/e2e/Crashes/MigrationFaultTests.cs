using System.Globalization;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Crashes;

/// <summary>
/// A migration under a writer while a disk fails or is full, or a node cannot be reached: from a durable call of a role on (<see cref="CrashPoint"/> is the
/// clock), for some seconds. What must hold after each is <see cref="MigrationTrial"/>'s. Beside them a disk that fills up under the copy, and a database that
/// cannot be read. Part of the long run only.
/// </summary>
internal sealed class MigrationFaultTests
{
    // Not write: pipes and sockets have no disk to be full, and a runtime whose own signal pipe refuses is right to abort.
    private const string Writes = "pwrite64,pwritev,ftruncate,fallocate,mkdir,mkdirat,rename,renameat,renameat2,linkat,symlinkat";

    /// <summary>How long calls fail; an operator of a full disk takes longer, a migration does not.</summary>
    private static readonly TimeSpan FailingFor = TimeSpan.FromSeconds(4);

    /// <summary>How long a line is away: longer than a dead node is noticed after.</summary>
    private static readonly TimeSpan AwayFor = TimeSpan.FromSeconds(16);

    /// <summary>Every so-many-th point, from one by the seed on; the points beside it differ by a line of a log.</summary>
    private const int Stride = 3;

    private readonly Random _chance = new(LongRun.Seed);

    private sealed record Fault(string Kind, string Role)
    {
        public string Name => $"{Role} {Kind}";
    }

    private static readonly Fault[] Faults =
    [
        .. from role in new[] { "master", "source", "target" }
           from kind in new[] { "EIO", "ENOSPC" }
           select new Fault(kind, role),
        .. from role in new[] { "source", "target" }
           from kind in new[] { "cut off", "silent" }
           select new Fault(kind, role),
    ];

    [Test]
    public async Task A_migration_over_broken_disks_and_lines_leaves_one_copy_with_every_acknowledged_row()
    {
        Skip.Unless(LongRun.Is, "a part of the long run: MCP_LONG_RUN=1");
        await RowService.EnsureImageAsync();
        await using var fleet = await PairFleet.StartAsync(RowService.Image, new PairSetting { Lines = true });
        await using var rows = new RowService(fleet, "rows");
        await rows.StartAsync(PairFleet.Ant);
        await rows.UntilMoreAsync(10);
        var trial = new MigrationTrial(fleet, rows);
        if (LongRun.Selects("the copy"))
        {
            await UnreadableAsync(fleet, trial);
            await FillingAsync(fleet, trial);
        }
        foreach (var fault in Faults.Where(f => LongRun.Selects(f.Name)))
            await SweepAsync(fleet, trial, fault);
        LongRun.Report($"seed {LongRun.Seed}\n{trial.Ends}");
    }

    private async Task SweepAsync(PairFleet fleet, MigrationTrial trial, Fault fault)
    {
        var k = LongRun.First + _chance.Next(Stride);
        while (await StrikeAsync(fleet, trial, fault, k) is null)
            k += Stride;
        LongRun.Report($"{fault.Name}: every {Stride}rd of fewer than {k} points\n{trial.Ends}");
    }

    // Null: it struck. Else how many points the role had.
    private static async Task<int?> StrikeAsync(PairFleet fleet, MigrationTrial trial, Fault fault, int k)
    {
        var role = trial.Role(fault.Role);
        var node = fault.Role == "source" ? trial.Source : trial.Target;
        var step = MigrationJournal.NotBegun;
        trial.Journal.Forget();
        var point = await CrashPoint.AttachAsync(role, new PointAim(k)
        {
            Counts = () => (step = trial.Journal.Step()).Length > 0,
            Act = fault.Kind switch
            {
                "cut off" => fleet.Line(node).Cut,
                "silent" => fleet.Line(node).Silence,
                _ => role.StopNow,
            },
        });
        var hit = await trial.RunAsync(fault.Name, async migration =>
        {
            await Task.WhenAny(migration, point.Killed);
            await point.DisposeAsync();
            if (!point.HasKilled)
                return "";
            var struck = string.Create(CultureInfo.InvariantCulture, $"point {k}, {point.Last}; {step}");
            if (fault.Kind is "cut off" or "silent")
            {
                await Task.WhenAny(migration, Task.Delay(AwayFor));
                fleet.Line(node).Heal();
                return struck;
            }
            await using (await FailingCalls.AttachAsync(role, fault.Kind == "EIO" ? "fsync,fdatasync" : Writes, fault.Kind))
            {
                await role.SignalAsync("CONT");
                await Task.WhenAny(migration, Task.Delay(FailingFor));
            }
            await Assert.That(role.IsRunning).IsTrue().Because($"{fault.Name}, {struck}: a role lives on with a broken disk: {role.Printed}");
            return struck;
        });
        return hit ? null : point.Seen;
    }

    // The source's disk cannot read the database any more: that is told, with the file, and the service runs on there.
    private static async Task UnreadableAsync(PairFleet fleet, MigrationTrial trial)
    {
        var file = Path.Combine(fleet.DataRoot(trial.Source), "rows", "data", "rows.db");
        var role = trial.Role("source");
        CommandResult? told = null;
        // What the service itself reads is not touched: only the agent and the children that it starts are.
        var failing = await FailingCalls.AttachAsync(role, "read,pread64", "EIO", file);
        await trial.RunAsync("the source cannot read its database", async migration =>
        {
            told = await migration;
            await failing.DisposeAsync();
            return "every read; all along";
        });
        await Assert.That(told!.ExitCode).IsEqualTo(1).Because($"{told}");
        await Assert.That(told.Errors).Contains("rows.db").Because($"{told}");
    }

    // There is room when it is planned, and none when the data comes.
    private static async Task FillingAsync(PairFleet fleet, MigrationTrial trial)
    {
        var ballast = Path.Combine(fleet.DataRoot(PairFleet.Ant), "rows", "data", "ballast");
        var filler = Path.Combine(fleet.DataRoot(PairFleet.Bee), "filler");
        await Assert.That(trial.Source).IsEqualTo(PairFleet.Ant);
        (await Shell.RunAsync("dd", ["if=/dev/urandom", $"of={ballast}", "bs=1M", "count=100", "status=none"])).OrThrow();
        CommandResult? told = null;
        await trial.RunAsync("the target's disk fills up", async migration =>
        {
            var staging = Path.Combine(fleet.DataRoot(PairFleet.Bee), ".mcp", "staging");
            await Wait.UntilAsync("data arrives on bee", () => Task.FromResult(Directory.Exists(staging) && Directory.EnumerateFileSystemEntries(staging).Any()), TimeSpan.FromMinutes(1), () => Task.FromResult(fleet.Printed));
            // More than there is: it takes what it gets.
            await Shell.RunAsync("dd", ["if=/dev/zero", $"of={filler}", "bs=1M", $"count={PairFleet.BeeDisk}", "status=none"]);
            told = await migration;
            File.Delete(filler);
            return "the copy; copying";
        });
        File.Delete(ballast);
        await Assert.That(told!.ExitCode).IsEqualTo(1).Because($"{told}");
        await Assert.That(told.Errors).Contains("bee").And.Contains("space").Because($"{told}");
    }
}
