namespace Mcp.Podman;

/// <summary>What podman says about itself and its host.</summary>
internal sealed record PodmanHost
{
    /// <summary>Podman's version, <c>4.3.1</c>.</summary>
    public string Version { get; init; } = "";

    /// <summary>Whether it runs without root.</summary>
    public bool Rootless { get; init; }

    /// <summary><c>amd64</c>, <c>arm64</c>, …</summary>
    public string Architecture { get; init; } = "";

    /// <summary><c>netavark</c> or <c>cni</c>.</summary>
    public string NetworkBackend { get; init; } = "";

    /// <summary><c>systemd</c> or <c>cgroupfs</c>.</summary>
    public string CgroupManager { get; init; } = "";

    /// <summary><c>v1</c> or <c>v2</c>.</summary>
    public string CgroupVersion { get; init; } = "";

    /// <summary>The OCI runtime, <c>crun</c> or <c>runc</c>.</summary>
    public string Runtime { get; init; } = "";

    /// <summary>Storage driver, <c>overlay</c>.</summary>
    public string StorageDriver { get; init; } = "";

    /// <summary>Where images and containers are stored.</summary>
    public string StorageRoot { get; init; } = "";

    /// <summary>Whether SELinux is on.</summary>
    public bool Selinux { get; init; }
}
