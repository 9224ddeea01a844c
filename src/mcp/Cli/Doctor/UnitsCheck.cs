using Mcp.Podman;

namespace Mcp.Cli.Doctor;

/// <summary>The roles under systemd: there is a unit, it is enabled, and the role answers on its Unix socket. Read from files; systemd is not asked.</summary>
internal sealed class UnitsCheck() : DoctorCheck("units")
{
    private static readonly string[] Folders = ["/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

    /// <inheritdoc/>
    public override Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var lines = new List<DoctorLine>();
        if (scene.Agent is { } agent)
            lines.Add(Look("agent", agent.Socket));
        if (scene.Master is { } master)
            lines.Add(Look("master", master.Socket));
        return Task.FromResult<IReadOnlyList<DoctorLine>>(lines);
    }

    private DoctorLine Look(string role, string socket)
    {
        var unit = $"mcp-{role}.service";
        bool? installed = Directory.Exists("/run/systemd/system") ? Folders.Any(f => File.Exists(Path.Combine(f, unit))) : null;
        return Judge(role, installed, PodmanUnitsCheck.IsEnabled("/etc/systemd/system", unit), socket.Length > 0 && File.Exists(socket) && SocketOwner.Find(socket) is not null);
    }

    /// <summary>The verdict.</summary>
    /// <param name="role">"agent" or "master".</param>
    /// <param name="installed">Null: this machine does not run systemd.</param>
    /// <param name="enabled">Whether it starts at boot.</param>
    /// <param name="runs">Whether the role answers.</param>
    public DoctorLine Judge(string role, bool? installed, bool enabled, bool runs)
    {
        var start = $"systemctl status mcp-{role}; journalctl -u mcp-{role} -n 50";
        return (installed, enabled, runs) switch
        {
            (null, _, true) => Ok($"the {role} runs; there is no systemd here"),
            (null, _, false) => Error($"the {role} does not run; there is no systemd here", $"mcp {role} run"),
            (false, _, true) => Warning($"the {role} runs, but has no unit: it does not come back after a boot", $"install systemd/mcp-{role}.service (README, A fleet of three machines)"),
            (false, _, false) => Error($"the {role} does not run and has no unit", $"install systemd/mcp-{role}.service (README, A fleet of three machines)"),
            (true, false, true) => Warning($"the {role} runs, but its unit is not enabled: it does not come back after a boot", $"systemctl enable mcp-{role}"),
            (true, _, false) => Error($"the {role} does not run", start),
            (true, true, true) => Ok($"the {role} runs, and its unit is enabled"),
        };
    }
}
