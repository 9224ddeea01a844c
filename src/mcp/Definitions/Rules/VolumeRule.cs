using Mcp.V1;

namespace Mcp.Definitions.Rules;

/// <summary>What is mounted into a container: <c>volumes</c> and <c>scratch</c>.</summary>
internal static class VolumeRule
{
    public static void Check(ServiceSpec spec, ComponentSpec component, string key, SpecProblems problems)
    {
        var mountPoints = new Dictionary<string, string>(StringComparer.Ordinal);
        var allowed = spec.AllowHostPaths.Select(p => AllowedPath.TryParse(p, out var path, out _) ? path : null).OfType<AllowedPath>().ToList();
        for (var i = 0; i < component.Volumes.Count; i++)
        {
            var at = $"{key}.volumes[{i}]";
            if (!VolumeMount.TryParse(component.Volumes[i], out var mount, out var problem))
            {
                problems.Add(at, problem);
                continue;
            }
            problems.AddIf(at, HostPathRule.NeverProblem(mount.HostPath, spec.Name) ?? OutsideProblem(mount, spec.Name, allowed));
            AddMountPoint(mount.ContainerPath, at);
        }
        for (var i = 0; i < component.Scratch.Count; i++)
        {
            var at = $"{key}.scratch[{i}]";
            if (VolumeMount.MountPointProblem(component.Scratch[i]) is { } problem)
                problems.Add(at, problem);
            else
                AddMountPoint(component.Scratch[i], at);
        }

        void AddMountPoint(string path, string at)
        {
            if (!mountPoints.TryAdd(path, at))
                problems.Add(at, $"\"{path}\" in the container is mounted already, by {mountPoints[path]}");
        }
    }

    private static string? OutsideProblem(VolumeMount mount, string service, List<AllowedPath> allowed)
    {
        if (HostPathRule.IsOwn(mount.HostPath, service) || allowed.Any(a => a.Covers(mount)))
            return null;
        return allowed.Any(a => PathText.IsWithin(mount.HostPath, a.Path))
            ? $"\"{mount.HostPath}\" is allowed only for reading; end the volume with :ro"
            : $"\"{mount.HostPath}\" is outside {HostPathRule.Own(service)}; volumes lie under it, and others need " +
              $"allow_host_paths = [\"{mount.HostPath}{(mount.ReadOnly ? ":ro" : "")}\"] and the node's [policy] host_paths";
    }
}
