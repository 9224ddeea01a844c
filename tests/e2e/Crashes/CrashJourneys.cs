using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Crashes;

/// <summary>One operation as a sweep repeats it.</summary>
/// <param name="Name">For reports.</param>
/// <param name="AgentPoints">How many crash points the agent has in it, about.</param>
/// <param name="MasterPoints">How many the master has.</param>
/// <param name="ExitCode">Of the command, when nobody disturbs it.</param>
/// <param name="PrepareAsync">Brings the services where the operation begins.</param>
/// <param name="RunAsync">The command, the same each time until the next preparation.</param>
/// <param name="CheckAsync">What must hold after it, told what was printed and which fault it was.</param>
internal sealed record CrashJourney(
    string Name, int AgentPoints, int MasterPoints, int ExitCode, Func<Task> PrepareAsync, Func<Task<CommandResult>> RunAsync, Func<IReadOnlyList<CommandResult>, string, Task> CheckAsync);

/// <summary>The operations that the crash sweeps go through, on one service of one fleet.</summary>
internal sealed class CrashJourneys
{
    internal const string SecretWord = "hush-7f3a91-do-not-print";

    private readonly SplitFleet _fleet;
    private readonly string _service;
    private readonly Invariants _invariants;
    private int _round;

    /// <summary>Makes them; nothing is run yet.</summary>
    public CrashJourneys(SplitFleet fleet)
    {
        (_fleet, _service) = (fleet, fleet.Unique("crash"));
        _invariants = new Invariants(fleet, _service).Secret(SecretWord);
        var sync = new SyncJourney(fleet);
        All =
        [
            Of("a first deploy", 40, 6, 0, Settled.Running, ForgetAsync, DeployAsync, Current),
            Of("a changed deploy", 27, 10, 0, Settled.Running, NextAsync, DeployAsync, Current),
            Of("a deploy that never gets healthy", 24, 10, 1, Settled.Running, BrokenAsync, DeployAsync, Previous),
            Of("a stop", 10, 8, 0, Settled.Stopped, StartedAsync, () => fleet.RunAsync("stop", _service), Current),
            Of("a start", 8, 7, 0, Settled.Running, StoppedAsync, () => fleet.RunAsync("start", _service), Current),
            Of("a restart", 8, 8, 0, Settled.Running, StartedAsync, () => fleet.RunAsync("restart", _service), Current),
            Of("a snapshot", 14, 20, 0, Settled.Running, StartedAsync, () => fleet.RunAsync("snapshot", _service), Current),
            Of("a restore", 50, 25, 0, Settled.Running, TakenAsync, () => fleet.RunAsync("snapshot", "restore", _service, "--yes"), Current),
            Of("an undeploy", 12, 9, 0, Settled.Undeployed, StartedAsync, () => fleet.RunAsync("undeploy", _service, "--yes"), Current),
            Of("a purge", 16, 3, 0, Settled.Purged, UndeployedAsync, PurgeAsync, Current),
        ];
        // Of a whole folder, so nothing else may be deployed.
        if (LongRun.Is)
            All = [.. All, new("a sync", 75, 30, 0, AbsentThenAsync(sync), sync.RunAsync, sync.CheckAsync)];
    }

    /// <summary>The operations, in the order in which each leaves the next one least to prepare.</summary>
    public IReadOnlyList<CrashJourney> All { get; }

    /// <summary>Puts the service there for the first time.</summary>
    public Task FirstDeployAsync() => NextDeployedAsync();

    private CrashJourney Of(
        string name, int agentPoints, int masterPoints, int exitCode, Settled settled, Func<Task> prepareAsync, Func<Task<CommandResult>> runAsync, Func<string?> round) =>
        new(name, agentPoints, masterPoints, exitCode, prepareAsync, runAsync, (printed, because) => _invariants.CheckAsync(settled, round(), printed, because));

    private Func<Task> AbsentThenAsync(SyncJourney sync) => async () =>
    {
        await _fleet.RunAsync("undeploy", _service, "--yes");
        await sync.PrepareAsync();
    };

    private string? Current() => $"{_round}";

    private string? Previous() => $"{_round - 1}";

    private Task<CommandResult> DeployAsync() => _fleet.RunAsync("deploy", _service, "-f", Path.Combine(_fleet.Folder, $"{_service}.toml"), "--overwrite");

    // Typed again when all is gone, it says that there is nothing: that is the wished end, too.
    private async Task<CommandResult> PurgeAsync()
    {
        var purged = await _fleet.RunAsync("data", "purge", _service, "--confirm", _service);
        return purged.Errors.Contains("there is no data", StringComparison.Ordinal) ? purged with { ExitCode = 0 } : purged;
    }

    private async Task TakenAsync()
    {
        await StartedAsync();
        if ((await _fleet.RunAsync("snapshot", "list", _service)).OrThrow().Output.Length == 0)
            (await _fleet.RunAsync("snapshot", _service)).OrThrow();
    }

    private async Task UndeployedAsync()
    {
        await StartedAsync();
        (await _fleet.RunAsync("undeploy", _service, "--yes")).OrThrow();
    }

    private async Task ForgetAsync()
    {
        await _fleet.RunAsync("undeploy", _service, "--yes");
        (await PurgeAsync()).OrThrow();
        Define(++_round);
    }

    private async Task NextAsync()
    {
        await StartedAsync();
        Define(++_round);
    }

    private async Task BrokenAsync()
    {
        await NextDeployedAsync();
        Define(++_round, healthy: false);
    }

    private async Task StartedAsync()
    {
        Define(_round);
        (await DeployAsync()).OrThrow();
    }

    private async Task NextDeployedAsync()
    {
        Define(++_round);
        (await DeployAsync()).OrThrow();
    }

    private async Task StoppedAsync()
    {
        await StartedAsync();
        (await _fleet.RunAsync("stop", _service)).OrThrow();
    }

    private void Define(int round, bool healthy = true) => _fleet.Define(_service, Text(_service, round, healthy));

    /// <summary>The definition of a service that keeps what it wrote, has a secret in its environment, and may never get healthy.</summary>
    internal static string Text(string service, int round, bool healthy = true) => $$"""
        name = "{{service}}"

        [snapshot]
        method = "full"

        [[components]]
        name    = "{{service}}"
        image   = "{{TestPodman.BusyboxImage}}"
        cmd     = ["sh", "-c", "[ -e /data/written ] || echo kept > /data/written; httpd -f -p {{(healthy ? "$PORT" : "1")}} -h /tmp & trap 'exit 0' TERM; wait"]
        env     = ["ROUND={{round}}", "TOKEN={{SecretWord}}"]
        volumes = ["/srv/{{service}}/data:/data"]

        [components.health]
        type     = "tcp"
        interval = "100ms"
        timeout  = "{{(healthy ? "20s" : "1s")}}"

        [[components.routes]]
        name = "web"
        port = 8443
        mode = "l4"
        """;
}
