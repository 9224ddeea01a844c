using System.Text.Json;

namespace Mcp.EndToEnd.Harness;

/// <summary>What must be so of a service once things have settled after a fault.</summary>
internal enum Settled
{
    /// <summary>One copy runs.</summary>
    Running,

    /// <summary>Its container is there and stopped, on purpose.</summary>
    Stopped,

    /// <summary>No container; the data stays.</summary>
    Undeployed,

    /// <summary>Neither container nor data.</summary>
    Purged,
}

/// <summary>
/// What must hold after every fault, whatever it was:
/// I1 at most one copy runs, and one if it should; I2 what the operator was told is done is there, and so is the service's data;
/// I3 a data folder is there with its marker, or not at all; I4 both databases are sound and agree, or <c>mcp status</c> says how they differ;
/// I5 the same command again converges (the caller runs it before it asks here); I6 no secret was printed, and no temporary file, port,
/// network, container or open operation is left.
/// </summary>
internal sealed class Invariants(SplitFleet fleet, string service)
{
    private readonly List<string> _broken = [];
    private readonly List<string> _secrets = [];

    /// <summary>Words that may appear in nothing that is printed.</summary>
    public Invariants Secret(string secret)
    {
        _secrets.Add(secret);
        return this;
    }

    /// <summary>Checks them all and fails with everything that does not hold.</summary>
    /// <param name="settled">What the operator was told last.</param>
    /// <param name="round">The value of ROUND in the running container's environment; null: any.</param>
    /// <param name="printed">What the commands of this fault have printed.</param>
    /// <param name="because">Which fault it was.</param>
    public async Task CheckAsync(Settled settled, string? round, IEnumerable<CommandResult> printed, string because)
    {
        _broken.Clear();
        var commands = printed.ToList();
        await CheckContainersAsync(settled, round);
        await CheckDataAsync(settled);
        await CheckDatabasesAsync(settled);
        await CheckNothingIsLeftAsync(settled);
        foreach (var text in commands.Select(c => c.Output + c.Errors).Append(fleet.Master.Printed).Append(fleet.Agent.Printed))
        {
            if (_secrets.Any(s => text.Contains(s, StringComparison.Ordinal)))
                _broken.Add("I6: a secret was printed");
        }
        if (_broken.Count > 0)
            throw new InvalidOperationException($"{because}:\n  {string.Join("\n  ", _broken)}\n{string.Join('\n', commands)}\nagent: {Tail(fleet.Agent.Printed)}\nmaster: {Tail(fleet.Master.Printed)}");
    }

    private async Task CheckContainersAsync(Settled settled, string? round)
    {
        var listed = (await TestPodman.RunAsync(["ps", "-a", "--filter", $"label=mcp.service={service}", "--format", "{{.Names}}|{{.Status}}"])).OrThrow();
        // Podman's words for a state have its age in them: "Up 2 seconds", "Exited (0) 1 second ago".
        var containers = listed.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split('|') is [var name, var status] ? $"{name}|{(status.StartsWith("Up", StringComparison.Ordinal) ? "running" : status.Split(' ')[0].ToLowerInvariant())}" : line).ToList();
        var running = containers.Count(c => c.EndsWith("|running", StringComparison.Ordinal));
        var expected = settled switch { Settled.Running => [$"{service}|running"], Settled.Stopped => [$"{service}|exited"], _ => Array.Empty<string>() };
        if (running > 1)
            _broken.Add($"I1: {running} copies run");
        if (!containers.SequenceEqual(expected))
            _broken.Add($"I1: expected [{string.Join(", ", expected)}], podman has [{string.Join(", ", containers)}]");
        if (settled == Settled.Running && round is not null)
        {
            var seen = await TestPodman.RunAsync(["exec", service, "sh", "-c", "echo $ROUND"]);
            if (seen.Output.Trim() != round)
                _broken.Add($"I2: round {round} was acknowledged, round {seen.Output.Trim()} runs");
        }
    }

    // The container writes `written` into its data once; an acknowledged write never goes away.
    private async Task CheckDataAsync(Settled settled)
    {
        var folder = Path.Combine(fleet.DataRoot, service);
        if (settled == Settled.Purged)
        {
            var aside = Path.Combine(fleet.DataRoot, ".mcp", "aside");
            if (Directory.Exists(folder) || (Directory.Exists(aside) && Directory.EnumerateFileSystemEntries(aside, $"{service}-*").Any()))
                _broken.Add("I3: data that was erased is there");
            foreach (var database in new[] { fleet.AgentDatabase, fleet.MasterDatabase })
            {
                if (await SqliteFile.ReadAsync(database, $"SELECT count(*) FROM data_records WHERE service = '{service}'") != "0")
                    _broken.Add($"I4: {database} has a record of erased data");
            }
            return;
        }
        if (!Directory.Exists(folder))
        {
            _broken.Add("I3: the data folder is gone");
            return;
        }
        if (!File.Exists(Path.Combine(folder, ".mcp-owner")))
            _broken.Add("I3: the data folder has no marker");
        if (!File.Exists(Path.Combine(folder, "data", "written")))
            _broken.Add("I2: what the service wrote is gone");
    }

    private async Task CheckDatabasesAsync(Settled settled)
    {
        foreach (var database in new[] { fleet.AgentDatabase, fleet.MasterDatabase })
        {
            if (await SqliteFile.ReadAsync(database, "PRAGMA integrity_check") is var verdict and not "ok")
                _broken.Add($"I4: {database}: {verdict}");
            if (await SqliteFile.ReadAsync(database, "SELECT group_concat(kind || ' ' || id) FROM operations WHERE state = 'running'") is { Length: > 0 } open)
                _broken.Add($"I6: open in {Path.GetFileName(database)}: {open}");
        }
        // Hash and generation of both sides; `active` is part of the master's spec, but the agent keeps it apart as desired_running.
        var agent = await SqliteFile.ReadAsync(fleet.AgentDatabase, $"SELECT generation || ' ' || desired_running FROM services WHERE name = '{service}'");
        var master = await SqliteFile.ReadAsync(fleet.MasterDatabase, $"SELECT generation || ' ' || state FROM placements WHERE service = '{service}'");
        var agree = settled switch
        {
            Settled.Undeployed or Settled.Purged => agent.Length == 0 && master.Length == 0,
            _ => agent.Split(' ')[0] == master.Split(' ')[0] && agent.EndsWith(settled == Settled.Running ? " 1" : " 0", StringComparison.Ordinal) && master.EndsWith(" placed", StringComparison.Ordinal),
        };
        var status = await fleet.RunAsync("status", "--json");
        using var document = JsonDocument.Parse(status.OrThrow().Output);
        var findings = document.RootElement.GetProperty("findings").EnumerateArray().Where(f => f.GetProperty("service").GetString() == service).ToList();
        if (!agree && findings.Count == 0)
            _broken.Add($"I4: the agent has [{agent}], the master [{master}], and mcp status says nothing of it");
        if (agree && findings.Count > 0)
            _broken.Add($"I4: everything agrees, but mcp status says {string.Join("; ", findings.Select(f => f.GetProperty("message").GetString()))}");
        if (!agree)
            _broken.Add($"I5: not converged: the agent has [{agent}], the master [{master}]");
    }

    private async Task CheckNothingIsLeftAsync(Settled settled)
    {
        var temporary = Directory.EnumerateFiles(fleet.Folder, "*.tmp", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, IgnoreInaccessible = true })
            // A role that was just started is making this one; the next start removes it.
            .Where(f => !f.EndsWith(".good.tmp", StringComparison.Ordinal)).ToList();
        if (temporary.Count > 0)
            _broken.Add($"I6: temporary files: {string.Join(", ", temporary)}");
        if (await SqliteFile.ReadAsync(fleet.AgentDatabase, "SELECT group_concat(service || ' ' || host_port) FROM routes WHERE operation <> ''") is { Length: > 0 } reserved)
            _broken.Add($"I6: ports reserved by nobody: {reserved}");
        var routes = await SqliteFile.ReadAsync(fleet.AgentDatabase, $"SELECT count(*) FROM routes WHERE service = '{service}'");
        var names = await SqliteFile.ReadAsync(fleet.MasterDatabase, $"SELECT count(*) FROM hostnames WHERE service = '{service}'");
        var network = (await TestPodman.RunAsync(["network", "exists", $"mcp-{service}"])).ExitCode == 0;
        var deployed = settled is Settled.Running or Settled.Stopped;
        if ((routes != "0") != deployed || (names != "0") != deployed || network != deployed)
            _broken.Add($"I6: {settled}, but {routes} ports, {names} names, network {(network ? "there" : "gone")}");
    }

    private static string Tail(string text) => text.Length <= 3000 ? text : text[^3000..];
}
