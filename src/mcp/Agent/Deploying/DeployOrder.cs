using Mcp.V1;

namespace Mcp.Agent.Deploying;

/// <summary>One deploy as it was asked for, with its spec completed.</summary>
internal sealed record DeployOrder
{
    /// <summary>With every default filled.</summary>
    public required ServiceSpec Spec { get; init; }

    /// <summary>The caller's hash of the spec; empty: not checked (boot).</summary>
    public required string ClaimedHash { get; init; }

    public ulong SeenGeneration { get; init; }

    public bool Overwrite { get; init; }

    public bool Pull { get; init; }

    /// <summary>Only this component; empty: all.</summary>
    public string Component { get; init; } = "";

    public bool Fresh { get; init; }

    public ulong Epoch { get; init; }

    public string VolumeId { get; init; } = "";

    /// <summary>"" all of it; "check" or "images": see <see cref="DeployRehearsal"/>.</summary>
    public string Only { get; init; } = "";

    public IReadOnlyList<ComponentImage> Images { get; init; } = [];

    /// <summary>Who asked.</summary>
    public required string Principal { get; init; }

    /// <summary>The service.</summary>
    public string Service => Spec.Name;
}
