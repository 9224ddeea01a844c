using Mcp.V1;

namespace Mcp.Definitions.Rules;

/// <summary>
/// Which paths of a node a definition may name at all. A service owns <c>/srv/service</c>; what is outside needs <c>allow_host_paths</c> and the
/// node's policy; and some places would hand over the node or another service whatever anybody allows.
/// </summary>
internal static class HostPathRule
{
    private static readonly string[] Engines = ["podman", "docker", "containerd", "crio"];

    /// <summary>The service's own folder.</summary>
    public static string Own(string service) => $"/srv/{service}";

    /// <summary>Whether a path is in the service's own folder. While the name is missing any service's folder may be it: one mistake is enough.</summary>
    public static bool IsOwn(string path, string service) =>
        service.Length > 0 ? PathText.IsWithin(path, Own(service)) : path.StartsWith("/srv/", StringComparison.Ordinal);

    /// <summary>Says why no service may ever use this path, or null.</summary>
    public static string? NeverProblem(string path, string service)
    {
        if (path == "/")
            return "/ is the node itself and is never allowed";
        if (IsEngineSocket(path))
            return $"\"{path}\" is the socket of a container engine and is never allowed";
        if (IsOwn(path, service))
            return null;
        if (path == "/srv")
            return "/srv holds every service and is never allowed";
        if (path.StartsWith("/srv/mcp", StringComparison.Ordinal) || PathText.IsWithin(path, "/srv/.mcp"))
            return $"\"{path}\" is the control plane's own and is never allowed";
        if (PathText.IsWithin(path, "/srv"))
            return $"\"{path}\" belongs to another service; this one's folder is {Own(service)}";
        foreach (var place in (ReadOnlySpan<string>)["/run", "/var/run", "/proc", "/sys", "/dev"])
        {
            if (PathText.IsWithin(path, place))
                return $"\"{path}\" lies in {place}, which is never allowed";
        }
        return null;
    }

    /// <summary>The entries of <c>allow_host_paths</c>.</summary>
    public static void CheckAllowed(ServiceSpec spec, SpecProblems problems)
    {
        for (var i = 0; i < spec.AllowHostPaths.Count; i++)
        {
            problems.AddIf($"allow_host_paths[{i}]", AllowedPath.TryParse(spec.AllowHostPaths[i], out var allowed, out var problem)
                ? NeverProblem(allowed.Path, spec.Name)
                : problem);
        }
        problems.AddRepeated("allow_host_paths", spec.AllowHostPaths, "path");
    }

    // Whoever can talk to an engine can start a container that mounts everything.
    private static bool IsEngineSocket(string path) =>
        path.EndsWith(".sock", StringComparison.OrdinalIgnoreCase) && Engines.Any(e => path.Contains(e, StringComparison.OrdinalIgnoreCase));
}
