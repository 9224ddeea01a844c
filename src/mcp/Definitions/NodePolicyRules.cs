using Mcp.Definitions.Rules;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>Whether a node's policy allows a spec that <see cref="SpecRules"/> found good; pure.</summary>
internal static class NodePolicyRules
{
    /// <summary>Every demand that the policy refuses, with the line that the node's configuration would need.</summary>
    public static IReadOnlyList<TextProblem> Check(ServiceSpec spec, NodePolicy policy)
    {
        var problems = new SpecProblems();
        for (var c = 0; c < spec.Components.Count; c++)
        {
            var component = spec.Components[c];
            if (component.Network == "host" && !policy.HostNetwork)
                problems.Add($"components[{c}].network", "\"host\" is not allowed on this node; its agent needs [policy] host_network = true");
            for (var i = 0; i < component.Volumes.Count; i++)
                problems.AddIf($"components[{c}].volumes[{i}]", VolumeProblem(component.Volumes[i], spec.Name, policy));
            for (var i = 0; i < component.Ports.Count; i++)
                problems.AddIf($"components[{c}].ports[{i}]", PortProblem(component.Ports[i], policy));
        }
        return problems.All;
    }

    /// <summary>Says which entries of the policy itself are wrong, keyed <c>policy.host_paths[0]</c>; for the reader of the agent's configuration.</summary>
    public static IReadOnlyList<TextProblem> CheckPolicy(NodePolicy policy)
    {
        var problems = new SpecProblems();
        for (var i = 0; i < policy.HostPaths.Count; i++)
            problems.AddIf($"policy.host_paths[{i}]", AllowedPath.TryParse(policy.HostPaths[i], out _, out var problem) ? null : problem);
        return problems.All;
    }

    private static string? VolumeProblem(string text, string service, NodePolicy policy)
    {
        if (!VolumeMount.TryParse(text, out var mount, out var problem))
            return problem;
        if (HostPathRule.IsOwn(mount.HostPath, service))
            return null;
        // The rules refuse what lies in /srv; with another root the same places have other names.
        if (PathText.IsWithin(mount.HostPath, policy.DataRoot) || PathText.IsWithin(policy.DataRoot, mount.HostPath))
            return $"\"{mount.HostPath}\" reaches into {policy.DataRoot}, where the services of this node are, and is never allowed";
        var allowed = policy.HostPaths.Select(p => AllowedPath.TryParse(p, out var path, out _) ? path : null).OfType<AllowedPath>();
        return allowed.Any(a => a.Covers(mount))
            ? null
            : $"\"{mount.HostPath}\" is not allowed on this node{(mount.ReadOnly ? "" : " for writing")}; " +
              $"its agent needs [policy] host_paths = [\"{mount.HostPath}{(mount.ReadOnly ? ":ro" : "")}\"]";
    }

    private static string? PortProblem(string text, NodePolicy policy)
    {
        if (!PortMapping.TryParse(text, out var mapping, out var problem))
            return problem;
        if (mapping.Protocol == "tcp" && policy.OwnPorts.Contains(mapping.HostPort))
            return $"host port {mapping.HostPort} is the control plane's own on this node";
        return mapping.IsLoopback || policy.PublicPorts.Contains(mapping.HostPort)
            ? null
            : $"host port {mapping.HostPort} on {mapping.Address} is not allowed on this node; publish it on 127.0.0.1, or its agent needs [policy] public_ports = [{mapping.HostPort}]";
    }
}
