namespace Mcp.Podman;

/// <summary>A network of podman.</summary>
internal sealed record NetworkDetail
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its id.</summary>
    public string Id { get; init; } = "";

    /// <summary><c>bridge</c>, <c>macvlan</c>, …</summary>
    public string Driver { get; init; } = "";

    /// <summary>Whether the containers find each other by name.</summary>
    public bool NamesResolve { get; init; }

    /// <summary>Subnets in CIDR form.</summary>
    public IReadOnlyList<string> Subnets { get; init; } = [];

    /// <summary>Labels.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();
}
