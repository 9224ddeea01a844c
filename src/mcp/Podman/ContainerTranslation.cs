using System.Globalization;

namespace Mcp.Podman;

/// <summary><see cref="ContainerCreateSpec"/> → libpod's create body. The choices that are the same for every container are made here.</summary>
internal static class ContainerTranslation
{
    /// <summary>The body of <c>containers/create</c>.</summary>
    public static CreateBody Body(ContainerCreateSpec spec)
    {
        var (policy, tries) = Restart(spec.Restart);
        return new CreateBody
        {
            Name = spec.Name,
            Image = spec.ImageId,
            Command = spec.Command.Count == 0 ? null : spec.Command,
            Env = spec.Environment,
            Labels = spec.Labels,
            User = spec.User.Length == 0 ? null : spec.User,
            Mounts = [.. spec.Binds.Select(Bind), .. spec.Tmpfs.Select(Tmpfs)],
            // Otherwise an image with VOLUME gets a new anonymous, empty volume at every create.
            ImageVolumeMode = "ignore",
            NetworkNamespace = new NamespaceBody(spec.Network is null ? "host" : "bridge"),
            Networks = spec.Network is null
                ? null
                : new Dictionary<string, PerNetworkBody> { [spec.Network] = new(spec.NetworkAliases.Count == 0 ? null : spec.NetworkAliases) },
            Ports = spec.Ports.Count == 0 ? null : [.. spec.Ports.Select(port => new PortBody(port.HostAddress, port.HostPort, port.ContainerPort, port.Protocol))],
            RestartPolicy = policy,
            RestartTries = tries,
            StopTimeout = (uint)Math.Ceiling(Math.Clamp(spec.StopTimeout.TotalSeconds, 0, 24 * 3600)),
            // The default would hand the NOTIFY_SOCKET of podman's own unit to the container.
            SdNotifyMode = "ignore",
            // journald, the default of many distributions, needs a journal that podman's user may read; the file always works.
            Log = new LogBody("k8s-file", spec.LogBytes),
            // Podman runs an image's HEALTHCHECK from transient systemd timers, which not every host has; the agent checks health itself.
            Health = new HealthBody(["NONE"]),
        };
    }

    private static MountBody Bind(BindMount mount)
    {
        List<string> options = ["rbind", mount.ReadOnly ? "ro" : "rw"];
        if (mount.Relabel)
            options.Add("z");
        return new MountBody("bind", mount.Source, mount.Destination, options);
    }

    private static MountBody Tmpfs(string path) => new("tmpfs", "tmpfs", path, ["rw", "nosuid", "nodev", "mode=1777"]);

    private static (string Policy, uint? Tries) Restart(string text)
    {
        var parts = text.Split(':', 2);
        return parts.Length == 2 && uint.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var tries) ? (parts[0], tries) : (parts[0], null);
    }
}
