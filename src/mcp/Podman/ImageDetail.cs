namespace Mcp.Podman;

/// <summary>One image of the local store, inspected.</summary>
internal sealed record ImageDetail
{
    /// <summary>The id: the SHA-256 of the image's configuration, 64 hex digits. It names content, not an origin.</summary>
    public required string Id { get; init; }

    /// <summary>The manifest's digest in the local store, <c>sha256:…</c>.</summary>
    public string Digest { get; init; } = "";

    /// <summary>
    /// <c>repository@sha256:…</c>: what a later pull of exactly this image asks for. An image that was tagged or pushed on this very node has several
    /// for one repository, and the registry knows only the one that was pulled or pushed.
    /// </summary>
    public IReadOnlyList<string> RepoDigests { get; init; } = [];

    /// <summary>Names with tags.</summary>
    public IReadOnlyList<string> RepoTags { get; init; } = [];

    /// <summary>Labels, which every container inherits.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Paths declared with VOLUME.</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];

    /// <summary>Ports declared with EXPOSE, as <c>8080/tcp</c>.</summary>
    public IReadOnlyList<string> ExposedPorts { get; init; } = [];

    /// <summary>The user its processes run as; empty is root.</summary>
    public string User { get; init; } = "";

    /// <summary>The entry point.</summary>
    public IReadOnlyList<string> Entrypoint { get; init; } = [];

    /// <summary>The default command.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary><c>KEY=value</c>.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary><c>amd64</c>, <c>arm64</c>, …</summary>
    public string Architecture { get; init; } = "";

    /// <summary>Bytes in the local store.</summary>
    public long Size { get; init; }

    /// <summary>
    /// <paramref name="own"/> plus an empty value for every label of the image that starts with <paramref name="prefix"/> and is not among them.
    /// Podman copies an image's labels into the container and offers no way to leave one out; an empty value of ours wins over it.
    /// </summary>
    public IReadOnlyDictionary<string, string> ShadowLabels(IReadOnlyDictionary<string, string> own, string prefix = "mcp.")
    {
        var labels = new Dictionary<string, string>(own);
        foreach (var key in Labels.Keys)
        {
            if (key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
                labels.TryAdd(key, "");
        }
        return labels;
    }
}
