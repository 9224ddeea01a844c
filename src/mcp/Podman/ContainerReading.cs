using System.Globalization;
using System.Text.Json;

namespace Mcp.Podman;

/// <summary>Podman's JSON of containers → our records.</summary>
internal static class ContainerReading
{
    /// <summary>One entry of <c>containers/json</c>.</summary>
    public static ContainerSummary Summary(JsonElement entry) => new()
    {
        Id = entry.TextAt("Id"),
        Name = entry.TextsAt("Names").FirstOrDefault("").TrimStart('/'),
        Image = entry.TextAt("Image"),
        ImageId = entry.TextAt("ImageID"),
        Status = Status(entry.TextAt("State")),
        Labels = entry.TextMapAt("Labels"),
        Ports = [.. entry.ItemsAt("Ports").SelectMany(ListedPorts)],
        Networks = entry.TextsAt("Networks"),
        CreatedAt = entry.TimeAt("Created"),
        StartedAt = entry.TimeAt("StartedAt"),
        ExitCode = entry.SmallNumberAt("ExitCode"),
        Pid = entry.SmallNumberAt("Pid"),
    };

    /// <summary>The answer of <c>containers/{name}/json</c>.</summary>
    public static ContainerDetail Detail(JsonElement container) => new()
    {
        Id = container.TextAt("Id"),
        Name = container.TextAt("Name").TrimStart('/'),
        ImageId = container.TextAt("Image"),
        Image = container.TextAt("ImageName"),
        ImageDigest = container.TextAt("ImageDigest"),
        Status = Status(container.TextAt("State", "Status")),
        Pid = container.SmallNumberAt("State", "Pid"),
        ConmonPid = container.SmallNumberAt("State", "ConmonPid"),
        ExitCode = container.SmallNumberAt("State", "ExitCode"),
        OomKilled = container.TrueAt("State", "OOMKilled"),
        Error = container.TextAt("State", "Error"),
        RestartCount = container.SmallNumberAt("RestartCount"),
        Restart = container.TextAt("HostConfig", "RestartPolicy", "Name"),
        CreatedAt = container.TimeAt("Created"),
        StartedAt = container.TimeAt("State", "StartedAt"),
        FinishedAt = container.TimeAt("State", "FinishedAt"),
        Labels = container.TextMapAt("Config", "Labels"),
        Environment = container.TextsAt("Config", "Env"),
        Command = container.TextsAt("Config", "Cmd"),
        User = container.TextAt("Config", "User"),
        Mounts = [.. container.ItemsAt("Mounts").Select(Mount)],
        Tmpfs = container.KeysAt("HostConfig", "Tmpfs"),
        Ports = [.. container.EntriesAt("NetworkSettings", "Ports").SelectMany(InspectedPorts)],
        Networks = container.EntriesAt("NetworkSettings", "Networks")
            .GroupBy(network => network.Name)
            .ToDictionary(group => group.Key, group => group.Last().Value.TextAt("IPAddress")),
        NetworkMode = container.TextAt("HostConfig", "NetworkMode"),
        Terminal = container.TrueAt("Config", "Tty"),
    };

    private static ContainerStatus Status(string word) => word.ToUpperInvariant() switch
    {
        "CREATED" or "CONFIGURED" or "INITIALIZED" => ContainerStatus.Created,
        "RUNNING" => ContainerStatus.Running,
        "PAUSED" => ContainerStatus.Paused,
        "STOPPING" => ContainerStatus.Stopping,
        "EXITED" or "STOPPED" => ContainerStatus.Exited,
        "REMOVING" => ContainerStatus.Removing,
        _ => ContainerStatus.Unknown,
    };

    private static ContainerMount Mount(JsonElement mount) => new(
        mount.TextAt("Type"), mount.TextAt("Name"), mount.TextAt("Source"), mount.TextAt("Destination"),
        // A missing RW must not make a mount look writable.
        ReadOnly: !mount.TrueAt("RW"));

    /// <summary>A list gives ranges: <c>{"host_ip","container_port","host_port","range","protocol"}</c>.</summary>
    private static IEnumerable<PublishedPort> ListedPorts(JsonElement port)
    {
        var range = Math.Clamp(port.NumberAt("range"), 1, 65535);
        for (var i = 0L; i < range; i++)
        {
            var (host, container) = (port.NumberAt("host_port") + i, port.NumberAt("container_port") + i);
            if (!IsPort(host) || !IsPort(container))
                yield break;
            yield return new PublishedPort(port.TextAt("host_ip"), (int)host, (int)container, port.TextAt("protocol"));
        }
    }

    /// <summary>Inspect gives <c>"8080/tcp": [{"HostIp","HostPort"}]</c>, or null for a port that is only exposed.</summary>
    private static IEnumerable<PublishedPort> InspectedPorts(JsonProperty port)
    {
        var parts = port.Name.Split('/');
        if (!TryPort(parts[0], out var container))
            yield break;
        foreach (var binding in port.Value.ItemsAt())
        {
            if (TryPort(binding.TextAt("HostPort"), out var host))
                yield return new PublishedPort(binding.TextAt("HostIp"), host, container, parts.Length > 1 ? parts[1] : "tcp");
        }
    }

    private static bool TryPort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && IsPort(port);

    private static bool IsPort(long port) => port is >= 1 and <= 65535;
}
