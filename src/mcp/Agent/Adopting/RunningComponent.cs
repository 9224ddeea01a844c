using Mcp.Agent.Deploying;
using Mcp.Definitions;
using Mcp.Podman;
using Mcp.V1;

namespace Mcp.Agent.Adopting;

/// <summary>
/// A running container read backwards: what a component would say that makes it. Pure. What podman does not tell (an entry point given by
/// hand, limits, capabilities) a definition cannot say either; what a definition cannot say is refused before (<see cref="Adoption"/>).
/// </summary>
internal static class RunningComponent
{
    // Set by podman itself in every container.
    private static readonly HashSet<string> OfPodman = ["PATH", "TERM", "HOME", "HOSTNAME", "container"];

    /// <summary>The component that a container is.</summary>
    public static ComponentSpec Derive(string component, ContainerDetail container, ImageDetail image, string dataRoot)
    {
        var spec = new ComponentSpec
        {
            Name = component,
            Image = ReferenceOf(container, image),
            Network = NetworkOf(container),
            User = container.User == image.User ? "" : container.User,
            Restart = container.Restart.Length == 0 ? "no" : container.Restart,
        };
        spec.Ports.AddRange(container.Ports.Select(TextOf).Order(StringComparer.Ordinal));
        spec.Volumes.AddRange(container.Mounts.Select(m => $"{LogicalOf(m.Source, dataRoot)}:{m.Destination}{(m.ReadOnly ? ":ro" : "")}").Order(StringComparer.Ordinal));
        spec.Scratch.AddRange(container.Tmpfs.Order(StringComparer.Ordinal));
        if (!container.Command.SequenceEqual(image.Command))
            spec.Cmd.AddRange(container.Command);
        spec.Env.AddRange(container.Environment.Where(e => !image.Environment.Contains(e) && !OfPodman.Contains(KeyOf(e))));
        return spec;
    }

    /// <summary>Where a wanted component says otherwise than its running container, in words; empty: a deploy of it would change nothing.</summary>
    public static IEnumerable<string> Differences(
        ComponentSpec wanted, ComponentSpec running, ContainerDetail container, ImageDetail image, IReadOnlySet<string> wantedPorts, IEnumerable<KeyValuePair<string, string>> environmentOfFiles)
    {
        if (wanted.Image != running.Image && wanted.Image != container.Image && !image.RepoTags.Contains(wanted.Image))
            yield return $"image: {container.Image} runs, {wanted.Image} is wanted";
        if ((wanted.Network == "host") != (running.Network == "host"))
            yield return $"network: {Word(running.Network)} runs, {Word(wanted.Network)} is wanted";
        if (wanted.User != running.User && wanted.User != container.User)
            yield return $"user: {Word(container.User)} runs, {Word(wanted.User)} is wanted";
        if (wanted.Restart != running.Restart)
            yield return $"restart: {running.Restart} runs, {wanted.Restart} is wanted";
        if (wanted.Cmd.Count > 0 ? !wanted.Cmd.SequenceEqual(container.Command) : running.Cmd.Count > 0)
            yield return "cmd: another one runs";
        foreach (var line in Sets("ports", running.Ports, wantedPorts).Concat(Sets("volumes", running.Volumes, wanted.Volumes)).Concat(Sets("scratch", running.Scratch, wanted.Scratch)))
            yield return line;
        // Values of the environment are never printed. What a definition leaves out is a difference, too: a new container would not have it.
        var promised = wanted.Env.Concat(environmentOfFiles.Select(v => $"{v.Key}={v.Value}")).ToHashSet(StringComparer.Ordinal);
        var missing = promised.Where(e => !container.Environment.Contains(e)).Select(KeyOf).Order(StringComparer.Ordinal).ToList();
        var own = promised.Select(KeyOf).Concat(wanted.Routes.Select(r => PortVariable.Of(wanted, r)).OfType<string>()).ToHashSet(StringComparer.Ordinal);
        var beyond = running.Env.Select(KeyOf).Where(k => !own.Contains(k)).Order(StringComparer.Ordinal).ToList();
        if (missing.Count > 0)
            yield return $"env: {string.Join(", ", missing)} has another value, or none, in the container";
        if (beyond.Count > 0)
            yield return $"env: {string.Join(", ", beyond)} is set in the container and not wanted";
    }

    /// <summary>The host port that leads to a route's port in this container; null: none does.</summary>
    public static int? HostPortOf(ComponentSpec component, RouteSpec route, ContainerDetail container)
    {
        var inside = (int)route.ContainerPort;
        if (inside == 0 && PortVariable.Of(component, route) is { } variable)
            _ = int.TryParse(container.Environment.FirstOrDefault(e => KeyOf(e) == variable)?[(variable.Length + 1)..], out inside);
        return container.Ports.FirstOrDefault(p => p.ContainerPort == inside && p.Protocol == "tcp")?.HostPort;
    }

    /// <summary>A published port as definitions write it.</summary>
    public static string TextOf(PublishedPort port) =>
        $"{(port.HostAddress.Length == 0 ? "0.0.0.0" : port.HostAddress)}:{port.HostPort}:{port.ContainerPort}{(port.Protocol == "udp" ? "/udp" : "")}";

    /// <summary>Whether a bind mount lies in the service's own directory.</summary>
    public static bool IsOwn(ContainerMount mount, string service, string dataRoot) => ContainerTranslator.IsOwn(service, LogicalOf(mount.Source, dataRoot));

    // A definition needs a tag other than latest; an image that is only known as latest is named by its digest.
    private static string ReferenceOf(ContainerDetail container, ImageDetail image)
    {
        var reference = container.Image;
        var tagged = ImageReferenceHasTag(reference);
        if (tagged || reference.Contains('@') || ImagePreparation.IsLocalOnly(reference))
            return reference;
        var repository = ImagePreparation.Repository(reference);
        return image.RepoDigests.FirstOrDefault(d => d.StartsWith(repository + "@", StringComparison.Ordinal)) ?? reference;
    }

    private static bool ImageReferenceHasTag(string reference)
    {
        var tag = reference[ImagePreparation.Repository(reference).Length..];
        return tag.Length > 1 && tag != ":latest";
    }

    private static string NetworkOf(ContainerDetail container) => container.NetworkMode == "host" ? "host"
        : container.Networks.ContainsKey(ContainerTranslator.SharedNetwork) ? ContainerTranslator.SharedNetwork
        : "";

    private static string LogicalOf(string path, string dataRoot)
    {
        var root = dataRoot.TrimEnd('/');
        return path == root ? "/srv" : path.StartsWith(root + "/", StringComparison.Ordinal) ? "/srv" + path[root.Length..] : path;
    }

    private static IEnumerable<string> Sets(string key, IEnumerable<string> running, IEnumerable<string> wanted)
    {
        var (there, asked) = (running.ToHashSet(StringComparer.Ordinal), wanted.ToHashSet(StringComparer.Ordinal));
        if (!there.SetEquals(asked))
            yield return $"{key}: {Word(string.Join(", ", there.Order(StringComparer.Ordinal)))} runs, {Word(string.Join(", ", asked.Order(StringComparer.Ordinal)))} is wanted";
    }

    private static string KeyOf(string assignment) => assignment.IndexOf('=') is > 0 and var at ? assignment[..at] : assignment;

    private static string Word(string value) => value.Length == 0 ? "(none)" : value;
}
