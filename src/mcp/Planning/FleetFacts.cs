using Mcp.Placement;
using Mcp.V1;

namespace Mcp.Planning;

/// <summary>Everything that a plan depends on, at one moment: what is wished and what was observed. No clock, no IO.</summary>
internal sealed record FleetFacts
{
    /// <summary>The wished services, complete and by their rules.</summary>
    public required IReadOnlyList<ServiceSpec> Desired { get; init; }

    /// <summary>A plan of these services alone; empty: of the whole directory, and whatever it lacks is removed.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    /// <summary>Every service with a placement.</summary>
    public required IReadOnlyList<DeployedService> Deployed { get; init; }

    /// <summary>Where the data of each service is, also of undeployed ones.</summary>
    public required IReadOnlyDictionary<string, DataPlace> Data { get; init; }

    /// <summary>The nodes.</summary>
    public required FleetSnapshot Fleet { get; init; }

    /// <summary>Names that belong to a service now.</summary>
    public required IReadOnlyList<NameClaim> Claims { get; init; }

    /// <summary>Internal names lie under it.</summary>
    public required string Zone { get; init; }

    /// <summary>What may be served to the public.</summary>
    public required IReadOnlyList<string> AllowedDomains { get; init; }

    /// <summary>The generations that the caller saw last; null: it does not say, and deploys over whatever is there.</summary>
    public IReadOnlyDictionary<string, ulong>? Seen { get; init; }
}

/// <summary>Where a service's data is.</summary>
/// <param name="Node">Which node holds it.</param>
/// <param name="Epoch">In which epoch.</param>
/// <param name="Tier">Of the spec that ran on it last.</param>
internal sealed record DataPlace(string Node, ulong Epoch, string Tier);

/// <summary>A service with a placement, and what its node said of it just now.</summary>
internal sealed record DeployedService
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Where it is placed.</summary>
    public required string Node { get; init; }

    /// <summary>Its first deploy was begun and never confirmed.</summary>
    public bool Pending { get; init; }

    /// <summary>As it was deployed.</summary>
    public required ServiceSpec Spec { get; init; }

    /// <summary>Hash of <see cref="Spec"/>.</summary>
    public required string SpecHash { get; init; }

    /// <summary>The master's number.</summary>
    public required ulong Generation { get; init; }

    /// <summary>Of its data.</summary>
    public required ulong Epoch { get; init; }

    /// <summary>Who deployed it.</summary>
    public required string Principal { get; init; }

    /// <summary>When; RFC 3339.</summary>
    public required string At { get; init; }

    /// <summary>As observed.</summary>
    public required ServiceState State { get; init; }

    /// <summary>Why it is unknown, or what of it does not run; empty while all of it runs.</summary>
    public string Detail { get; init; } = "";

    /// <summary>At least one of its containers runs.</summary>
    public bool AnythingRuns { get; init; }

    /// <summary>The generation that its node runs; 0: the node did not say.</summary>
    public ulong NodeGeneration { get; init; }

    /// <summary>Worth knowing and not acted on: a failing health check, a container edited by hand, an operation at work.</summary>
    public string Remark { get; init; } = "";
}

/// <summary>Whether a service runs, as its node said.</summary>
internal enum ServiceState
{
    /// <summary>Its node is silent: running or not, nobody knows, and nothing is done.</summary>
    Unknown,

    /// <summary>Every component has a running container.</summary>
    Running,

    /// <summary>At least one component does not run.</summary>
    Stopped,
}
