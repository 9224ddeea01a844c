using System.Globalization;
using Mcp.Definitions;
using Mcp.Podman;
using Mcp.V1;

namespace Mcp.Agent.Deploying;

/// <summary>Labels that every container of ours carries. An image's own <c>mcp.*</c> labels never survive.</summary>
internal static class OwnLabels
{
    public const string Service = "mcp.service";
    public const string Component = "mcp.component";
    public const string Generation = "mcp.generation";
    public const string SpecHash = "mcp.spec-hash";
    public const string Node = "mcp.node";

    /// <summary>Which operation made the container: how a container whose creator was killed is found.</summary>
    public const string Operation = "mcp.operation";
}

/// <summary>Everything that a container is made of, resolved.</summary>
internal sealed record ContainerRecipe
{
    public required ServiceSpec Service { get; init; }

    public required ComponentSpec Component { get; init; }

    public required string Node { get; init; }

    public required ulong Generation { get; init; }

    public required string Operation { get; init; }

    public required string SpecHash { get; init; }

    /// <summary>The image as it lies in podman's store.</summary>
    public required ImageDetail Image { get; init; }

    public required PortAssignment Ports { get; init; }

    /// <summary>What the env files say; secrets.</summary>
    public required IReadOnlyList<KeyValuePair<string, string>> EnvironmentOfFiles { get; init; }

    public required string DataRoot { get; init; }
}

/// <summary>Spec → what podman is told. Pure; nothing is defaulted here or behind our back.</summary>
internal static class ContainerTranslator
{
    /// <summary>The network that services share on purpose.</summary>
    public const string SharedNetwork = "mcpnet";

    /// <summary>The network of a component: null is the host's own, "" of a spec is one of the service's own.</summary>
    public static string? NetworkOf(string service, ComponentSpec component) => component.Network switch
    {
        "host" => null,
        "" => OwnNetwork(service),
        var name => name,
    };

    /// <summary>The name of a service's own network; podman cannot confuse it with a service's, since "mcp-…" is reserved.</summary>
    public static string OwnNetwork(string service) => $"mcp-{service}";

    /// <summary>The container to make.</summary>
    public static ContainerCreateSpec Translate(ContainerRecipe recipe)
    {
        var (service, component) = (recipe.Service, recipe.Component);
        var labels = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [OwnLabels.Service] = service.Name,
            [OwnLabels.Component] = component.Name,
            [OwnLabels.Generation] = recipe.Generation.ToString(CultureInfo.InvariantCulture),
            [OwnLabels.SpecHash] = recipe.SpecHash,
            [OwnLabels.Node] = recipe.Node,
            [OwnLabels.Operation] = recipe.Operation,
        };
        var network = NetworkOf(service.Name, component);
        return new ContainerCreateSpec
        {
            Name = ContainerName.Of(service.Name, component.Name),
            ImageId = recipe.Image.Id,
            Command = [.. component.Cmd],
            Environment = EnvironmentOf(recipe),
            User = component.User,
            Labels = recipe.Image.ShadowLabels(labels),
            Binds = [.. Binds(recipe)],
            Tmpfs = [.. component.Scratch],
            Ports = [.. HostPorts.Published(component, recipe.Ports).Select(p => new PublishedPort(p.Address, p.HostPort, p.ContainerPort, p.Protocol)).Distinct()],
            Network = network,
            NetworkAliases = network is null ? [] : AliasesOf(service.Name, component),
            Restart = component.Restart,
        };
    }

    // In a network of the service's own, "db" is enough; in the shared one it would be anybody's.
    private static IReadOnlyList<string> AliasesOf(string service, ComponentSpec component) =>
        component.Network.Length == 0 && component.Name != service ? [component.Name] : [];

    // Files first, then the definition, then what we promise: a later one wins.
    private static Dictionary<string, string> EnvironmentOf(ContainerRecipe recipe)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in recipe.EnvironmentOfFiles)
            environment[key] = value;
        foreach (var entry in recipe.Component.Env)
        {
            var equals = entry.IndexOf('=');
            if (equals > 0)
                environment[entry[..equals]] = entry[(equals + 1)..];
        }
        foreach (var route in recipe.Component.Routes)
        {
            if (PortVariable.Of(recipe.Component, route) is { } variable)
                environment[variable] = recipe.Ports.Of(recipe.Component.Name, route.Name).ToString(CultureInfo.InvariantCulture);
        }
        return environment;
    }

    private static IEnumerable<BindMount> Binds(ContainerRecipe recipe)
    {
        foreach (var text in recipe.Component.Volumes)
        {
            if (!VolumeMount.TryParse(text, out var mount, out var problem))
                throw new ArgumentException($"the volume '{text}' {problem}");
            var own = IsOwn(recipe.Service.Name, mount.HostPath);
            yield return new BindMount(LogicalPath.OnNode(mount.HostPath, recipe.DataRoot), mount.ContainerPath, mount.ReadOnly, Relabel: own);
        }
    }

    /// <summary>Whether a path of a definition lies in the service's own directory.</summary>
    public static bool IsOwn(string service, string path) =>
        path == $"/srv/{service}" || path.StartsWith($"/srv/{service}/", StringComparison.Ordinal);
}
