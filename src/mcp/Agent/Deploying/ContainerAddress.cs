using Mcp.Podman;
using Mcp.V1;

namespace Mcp.Agent.Deploying;

/// <summary>Where the host reaches a port of a container.</summary>
/// <param name="Address">An IP address.</param>
/// <param name="Port">On the host, or the container's own where its network can be reached.</param>
internal sealed record ContainerAddress(string Address, int Port)
{
    /// <summary>
    /// What is published comes first: the container's own address is unreachable for a rootless agent. Null: the port cannot be reached from the host.
    /// </summary>
    /// <param name="component">As it was deployed.</param>
    /// <param name="port">In the container; 0: the first route's.</param>
    /// <param name="container">As it runs.</param>
    /// <param name="ports">The host ports of its routes.</param>
    public static ContainerAddress? Of(ComponentSpec component, int port, ContainerDetail container, PortAssignment ports)
    {
        if (port == 0)
            return component.Routes.Count > 0 ? OfRoute(component, component.Routes[0], ports) : null;
        if (HostPorts.IsHostNetwork(component))
            return new ContainerAddress("127.0.0.1", port);
        foreach (var mapping in HostPorts.Published(component, ports).Where(m => m.Protocol == "tcp" && m.ContainerPort == port))
            return new ContainerAddress(mapping.Address is "0.0.0.0" ? "127.0.0.1" : mapping.Address is "::" ? "::1" : mapping.Address, mapping.HostPort);
        return Environment.IsPrivilegedProcess && container.Networks.Values.FirstOrDefault(a => a.Length > 0) is { } address ? new ContainerAddress(address, port) : null;
    }

    /// <summary>Where the host reaches a route of a component.</summary>
    public static ContainerAddress OfRoute(ComponentSpec component, RouteSpec route, PortAssignment ports) => new("127.0.0.1", ports.Of(component.Name, route.Name));

    /// <summary>As in a URL.</summary>
    public override string ToString() => Address.Contains(':') ? $"[{Address}]:{Port}" : $"{Address}:{Port}";
}
