using System.Globalization;
using System.Text.Json;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Crashes;

/// <summary>
/// A sync of a folder in which three services differ from the fleet, as a sweep repeats it: one is changed, one is new, one is gone from the folder. The two
/// latter change places each time, so that a sync that was brought to its end leaves what the next one begins with.
/// </summary>
internal sealed class SyncJourney
{
    private readonly SplitFleet _fleet;
    private readonly string _changed;
    private readonly string[] _taking;
    private readonly Dictionary<string, Invariants> _invariants = [];
    private int _round;

    /// <summary>Makes it; nothing is run yet.</summary>
    public SyncJourney(SplitFleet fleet)
    {
        (_fleet, _changed, _taking) = (fleet, fleet.Unique("changed"), [fleet.Unique("turn"), fleet.Unique("about")]);
        foreach (var service in _taking.Append(_changed))
            _invariants[service] = new Invariants(fleet, service).Secret(CrashJourneys.SecretWord);
    }

    private string New => _taking[_round % 2];

    private string Gone => _taking[(_round + 1) % 2];

    /// <summary>Writes the folder of the next round; before the first, deploys what that one finds.</summary>
    public async Task PrepareAsync()
    {
        Directory.CreateDirectory(_fleet.Definitions);
        if (_round == 0)
        {
            Write();
            (await RunAsync()).OrThrow();
        }
        _round++;
        Write();
    }

    /// <summary>
    /// The sync, with as many removals as its plan has: one, and none if an earlier one got so far. A plan in which something is unknown (a node that did not answer in the
    /// two seconds of a look, on a machine that does more than this) is no such plan: an operator, too, looks again.
    /// </summary>
    public async Task<CommandResult> RunAsync()
    {
        CommandResult? plan = null;
        var removals = 0u;
        await Wait.UntilAsync("a plan in which nothing is unknown", async () =>
        {
            plan = await _fleet.RunAsync("plan", "--json");
            if (plan.ExitCode == 1)
                return true;
            using var document = JsonDocument.Parse(plan.Output);
            removals = document.RootElement.GetProperty("removals").GetUInt32();
            return document.RootElement.GetProperty("unknown").GetUInt32() == 0;
        }, otherwise: () => Task.FromResult($"{plan}"));
        if (plan!.ExitCode == 1)
            return plan;
        return await _fleet.RunAsync("sync", "--yes", "--yes-remove", removals.ToString(CultureInfo.InvariantCulture), "--overwrite");
    }

    /// <summary>Every service is as the folder says, and the same sync again finds nothing to do and touches no container.</summary>
    public async Task CheckAsync(IReadOnlyList<CommandResult> printed, string because)
    {
        foreach (var (service, invariants) in _invariants)
            await invariants.CheckAsync(service == Gone ? Settled.Undeployed : Settled.Running, service == Gone ? null : $"{_round}", printed, because);
        var before = await ContainersAsync();
        var again = await _fleet.RunAsync("sync", "--yes");
        await Assert.That(again.ExitCode).IsEqualTo(0).Because($"{because}: {again}");
        await Assert.That(again.ToString()).Contains("nothing to do").Because(because);
        await Assert.That(await ContainersAsync()).IsEqualTo(before).Because(because);
    }

    private void Write()
    {
        foreach (var service in new[] { _changed, New })
            File.WriteAllText(PathOf(service), CrashJourneys.Text(service, _round));
        File.Delete(PathOf(Gone));
    }

    private string PathOf(string service) => Path.Combine(_fleet.Definitions, $"{service}.toml");

    // Of these services alone: others live on this podman.
    private async Task<string> ContainersAsync()
    {
        var ids = "";
        foreach (var service in _invariants.Keys.Order(StringComparer.Ordinal))
            ids += (await TestPodman.RunAsync(["ps", "-aq", "--no-trunc", "--filter", $"label=mcp.service={service}"])).OrThrow().Output;
        return ids;
    }
}
