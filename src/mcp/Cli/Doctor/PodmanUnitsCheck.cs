namespace Mcp.Cli.Doctor;

/// <summary>
/// Podman's own units under systemd: its socket is on, and the one that starts containers at boot is off, since starting them is the agent's work,
/// which knows whose data lies here. Read from the links that <c>systemctl enable</c> makes.
/// </summary>
internal sealed class PodmanUnitsCheck() : DoctorCheck("podman-units")
{
    private const string System = "/etc/systemd/system";

    /// <inheritdoc/>
    public override Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        if (!scene.IsNode || !Directory.Exists("/run/systemd/system"))
            return Task.FromResult<IReadOnlyList<DoctorLine>>([]);
        var rootful = scene.NodeUser == 0;
        var folder = rootful ? System : Path.Combine(scene.Context.Variable("HOME") ?? "/", ".config/systemd/user");
        var socket = scene.Agent is { OwnPodmanService: true } || IsEnabled(folder, "podman.socket") || IsEnabled("/etc/systemd/user", "podman.socket");
        return Task.FromResult(Judge(rootful, IsEnabled(folder, "podman-restart.service"), socket));
    }

    /// <summary>The verdict on which units are enabled.</summary>
    public IReadOnlyList<DoctorLine> Judge(bool rootful, bool restart, bool socket)
    {
        var systemctl = rootful ? "systemctl" : "systemctl --user";
        var lines = new List<DoctorLine>();
        if (restart)
            lines.Add(Warning("podman-restart.service is enabled: it starts containers at boot before the agent has looked at their data", $"{systemctl} disable podman-restart.service"));
        if (!socket)
            lines.Add(Error("podman.socket is not enabled: after a boot nobody serves podman's API", $"{systemctl} enable --now podman.socket"));
        if (lines.Count == 0)
            lines.Add(Ok("podman.socket is enabled, podman-restart.service is not"));
        return lines;
    }

    /// <summary>Whether any target wants the unit.</summary>
    public static bool IsEnabled(string folder, string unit) =>
        Directory.Exists(folder) && Directory.EnumerateDirectories(folder, "*.wants").Any(wants => new FileInfo(Path.Combine(wants, unit)).LinkTarget is not null);
}
