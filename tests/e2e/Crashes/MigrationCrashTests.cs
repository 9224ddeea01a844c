using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Crashes;

/// <summary>
/// A migration under a writer while master, source or target is killed at a durable call (<see cref="CrashPoint"/>); what must hold after each is
/// <see cref="MigrationTrial"/>'s. The long run takes every one of them. An ordinary run draws by a seed, and not over all points alike: those after the
/// commit are few, so each role is killed once before it, where the way is back, and once after it, where there is only forward, and the master also
/// between the healthy target and the commit.
/// </summary>
internal sealed class MigrationCrashTests
{
    private static readonly string[] Roles = ["master", "source", "target"];

    private readonly Random _chance = new(LongRun.Seed);

    [Test]
    public async Task A_migration_killed_anywhere_leaves_one_copy_with_every_acknowledged_row()
    {
        await RowService.EnsureImageAsync();
        await using var fleet = await PairFleet.StartAsync(RowService.Image);
        await using var rows = new RowService(fleet, "rows");
        await rows.StartAsync(PairFleet.Ant);
        await rows.UntilMoreAsync(10);
        var trial = new MigrationTrial(fleet, rows);
        foreach (var role in Roles.Where(LongRun.Selects))
        {
            if (LongRun.Is)
                await SweepAsync(trial, role);
            else
                await SampleAsync(trial, role);
        }
        LongRun.Report($"seed {LongRun.Seed}\n{trial.Ends}");
    }

    private async Task SweepAsync(MigrationTrial trial, string role)
    {
        var k = LongRun.First;
        while (await KillAsync(trial, role, role, k, "", _ => true) is null)
            k++;
        LongRun.Report($"{role}: points {LongRun.First} to {k - 1}, which is the last\n{trial.Ends}");
        if (role != "target")
            return;
        // It has nothing to do after the commit, so it has no durable call there: the source's time it.
        for (k = 1; await KillAsync(trial, role, "source", k, " after the commit", _ => trial.Journal.IsCommitted()) is null; k++)
        {
        }
        LongRun.Report($"{role} at the source's points after the commit: all {k - 1}\n{trial.Ends}");
    }

    private async Task SampleAsync(MigrationTrial trial, string role)
    {
        await OneAsync(trial, role, role, 15, " before the commit", step => step is not ("healthy" or "done") && !trial.Journal.IsCommitted());
        if (role == "master")
            await OneAsync(trial, role, role, 2, " before a commit that is due", step => step == "healthy");
        await OneAsync(trial, role, role == "target" ? "source" : role, 4, " after the commit", _ => trial.Journal.IsCommitted());
    }

    // The first guess is by what a sweep has counted; where it is too high, the migration itself has told how many points there are.
    private async Task OneAsync(MigrationTrial trial, string role, string clock, int guess, string when, Func<string, bool> counts)
    {
        var k = _chance.Next(1, guess + 1);
        while (await KillAsync(trial, role, clock, k, when, counts) is { } count)
            k = count > 0 ? _chance.Next(1, count + 1) : throw new InvalidOperationException($"the {clock} has no durable call{when}");
    }

    // Null: it was killed. Else how many points the clock had.
    private async Task<int?> KillAsync(MigrationTrial trial, string role, string clock, int k, string when, Func<string, bool> counts)
    {
        var victim = trial.Role(role);
        var step = MigrationJournal.NotBegun;
        trial.Journal.Forget();
        var point = await CrashPoint.AttachAsync(trial.Role(clock), new PointAim(k)
        {
            Counts = () => counts(step = trial.Journal.Step()),
            Act = role == clock ? null : victim.KillNow,
        });
        var hit = await trial.RunAsync($"{role} killed", async migration =>
        {
            await Task.WhenAny(migration, point.Killed);
            await point.DisposeAsync();
            if (!point.HasKilled)
                return "";
            await victim.EndedAsync();
            // Every third one is killed once more while it clears up after the first time.
            var again = LongRun.Is && _chance.Next(3) == 0 ? await CrashPoint.KillAtStartAsync(victim, _chance.Next(1, 15)) : "";
            if (!victim.IsRunning)
                victim.Start();
            return $"point {k}{(role == clock ? "" : $" of the {clock}")}{when}, {point.Last}{again}; {step}";
        });
        return hit ? null : point.Seen;
    }
}
