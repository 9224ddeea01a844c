using Google.Protobuf.WellKnownTypes;
using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>The values that stand for a key that was left out. The builder fills them in; the writer and the hash leave them out.</summary>
internal static class SpecDefaults
{
    public const string Tier = "worker";

    public const string Restart = "unless-stopped";

    /// <summary>The name of a component's only route, which version 1 files leave out.</summary>
    public const string RouteName = "default";

    /// <summary>Of an http check.</summary>
    public const string HealthPath = "/";

    /// <summary>Between two tries of a check.</summary>
    public static readonly Duration HealthInterval = new() { Seconds = 2 };

    /// <summary>From the start of a container until its check must have succeeded.</summary>
    public static readonly Duration HealthTimeout = new() { Seconds = 30 };

    /// <summary>The port of a check that names none: the component's only route's, when that is known before the start; else 0.</summary>
    public static uint HealthPort(ComponentSpec component) =>
        component.Health is { Type: not "exec" } && component.Routes.Count == 1 ? component.Routes[0].ContainerPort : 0;

    /// <summary>The component that a snapshot method talks to when none is named: the only one; else "".</summary>
    public static string SnapshotComponent(ServiceSpec service) =>
        service.Components.Count == 1 && service.Snapshot is not null
        && SnapshotMethod.TryParse(service.Snapshot.Method, out var method, out _) && method.NeedsComponent
            ? service.Components[0].Name
            : "";
}
