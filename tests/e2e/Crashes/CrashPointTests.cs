using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Crashes;

/// <summary>
/// Agent and master killed at every durable call of every operation (<see cref="CrashPoint"/>), started again, the same command typed again:
/// the invariants hold. Every point in the long run (<c>MCP_LONG_RUN=1</c>, minutes to hours); otherwise a sample by a seed that is
/// printed and can be given back in <c>MCP_SEED</c>.
/// </summary>
internal sealed class CrashPointTests
{
    [Test]
    public Task The_agent_killed_anywhere_converges() => SweepAsync(fleet => fleet.Agent, "agent");

    [Test]
    public async Task The_very_first_start_of_an_agent_killed_anywhere_is_followed_by_a_good_one()
    {
        var seed = LongRun.Seed;
        await using var fleet = await SplitFleet.StartAsync();
        var count = await FirstStartAsync(fleet, 0);
        var points = LongRun.Is ? Enumerable.Range(1, count) : (int[])[new Random(seed).Next(1, count + 1), count / 3];
        foreach (var k in points)
        {
            await FirstStartAsync(fleet, k);
            var because = $"the first start killed at point {k} of {count} (MCP_SEED={seed})";
            var sound = await SqliteFile.ReadAsync(fleet.AgentDatabase, "PRAGMA integrity_check");
            await Assert.That(sound).IsEqualTo("ok").Because(because);
            await Assert.That(Directory.GetFiles(fleet.AgentHome, "*.tmp", SearchOption.AllDirectories).Where(f => !f.EndsWith(".good.tmp", StringComparison.Ordinal))).IsEmpty().Because(because);
        }
        LongRun.Report($"agent, the first start: {count} points{(LongRun.Is ? ", all of them" : ", a sample")}, seed {seed}");
    }

    // What a joined node has before its agent ran for the first time: its configuration and its certificate.
    private static async Task<int> FirstStartAsync(SplitFleet fleet, int k)
    {
        await fleet.Agent.TerminateAsync();
        foreach (var file in Directory.GetFiles(fleet.AgentHome, "*", SearchOption.AllDirectories).Where(f => !f.EndsWith(".toml", StringComparison.Ordinal) && !f.EndsWith(".pem", StringComparison.Ordinal)))
            File.Delete(file);
        var point = await CrashPoint.StartAsync(fleet.Agent, k);
        // The good copy is the last that a first start makes.
        if (k == 0)
            await Wait.UntilAsync("it has started", () => Task.FromResult(File.Exists($"{fleet.AgentDatabase}.good")), otherwise: () => Task.FromResult(fleet.Agent.Printed));
        else
            await Task.WhenAny(point.Killed, Task.Delay(TimeSpan.FromSeconds(10)));
        await point.DisposeAsync();
        if (!fleet.Agent.IsRunning)
            fleet.Agent.Start();
        await fleet.UntilHealthyAsync();
        return point.Seen;
    }

    [Test]
    public Task The_master_killed_anywhere_converges() => SweepAsync(fleet => fleet.Master, "master");

    private static async Task SweepAsync(Func<SplitFleet, RoleProcess> victimOf, string role)
    {
        var random = new Random(LongRun.Seed);
        await using var fleet = await SplitFleet.StartAsync();
        var journeys = new CrashJourneys(fleet);
        await journeys.FirstDeployAsync();
        foreach (var journey in journeys.All.Where(j => LongRun.Selects(j.Name)))
        {
            if (LongRun.Is)
                await SweepAsync(fleet, journey, victimOf(fleet), role, random);
            else
                await SampleAsync(fleet, journey, victimOf(fleet), role, random);
        }
    }

    private static async Task SweepAsync(SplitFleet fleet, CrashJourney journey, RoleProcess victim, string role, Random random)
    {
        var k = LongRun.First;
        while (await KillAsync(fleet, journey, victim, k, random, $"{role} killed in {journey.Name} at point {k} (MCP_SEED={LongRun.Seed})") is null)
            k++;
        LongRun.Report($"{role}, {journey.Name}: points {LongRun.First} to {k - 1}, which is the last, seed {LongRun.Seed}");
    }

    private static async Task SampleAsync(SplitFleet fleet, CrashJourney journey, RoleProcess victim, string role, Random random)
    {
        // The first guess is by what a sweep has counted; where it is too high, the operation itself has told how many there are.
        var k = random.Next(1, (role == "agent" ? journey.AgentPoints : journey.MasterPoints) + 1);
        while (await KillAsync(fleet, journey, victim, k, random, $"{role} killed in {journey.Name} at point {k} (MCP_SEED={LongRun.Seed})") is { } count)
            k = random.Next(1, Math.Max(1, count) + 1);
    }

    // Null when the operation got as far as point k; else how many points it had.
    private static async Task<int?> KillAsync(SplitFleet fleet, CrashJourney journey, RoleProcess victim, int k, Random chance, string because)
    {
        await journey.PrepareAsync();
        var point = await CrashPoint.AttachAsync(victim, k);
        var command = journey.RunAsync();
        await Task.WhenAny(command, point.Killed);
        // What goes on behind the answer (a watcher's last word, a late event) is no part of the operation.
        await point.DisposeAsync();
        if (!point.HasKilled)
        {
            var undisturbed = await command;
            return undisturbed.ExitCode == journey.ExitCode ? point.Seen : throw new InvalidOperationException($"{journey.Name} that nobody disturbed: {undisturbed}\nmaster: {fleet.Master.Printed}");
        }
        because = $"{because}, {point.Last}";
        // Every third one is killed once more while it clears up after the first time.
        if (chance.Next(3) == 0)
            because += await CrashPoint.KillAtStartAsync(victim, chance.Next(1, 15));
        if (!victim.IsRunning)
            victim.Start();
        var interrupted = await command;
        LongRun.Report($"{because}: {(interrupted.ExitCode == 0 ? "done" : interrupted.Errors.Trim().ReplaceLineEndings(" | "))}");
        await fleet.UntilHealthyAsync();
        var again = await journey.RunAsync();
        if (again.ExitCode != journey.ExitCode)
            throw new InvalidOperationException($"{because}: I5: the same command again: {again}\nthe interrupted one: {interrupted}\nagent: {fleet.Agent.Printed}\nmaster: {fleet.Master.Printed}");
        await journey.CheckAsync([interrupted, again], because);
        return null;
    }
}
