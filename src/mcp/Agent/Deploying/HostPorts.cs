using System.Net;
using System.Net.Sockets;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Agent.Deploying;

/// <summary>
/// Which host port each route of a service has. A port once given stays for the life of the route. New ones come from the node's range,
/// beginning at a random place, so that two agents on one machine do not race for the same numbers; ports in use are skipped.
/// </summary>
internal sealed class HostPorts((int First, int Last) range, Func<int, bool> isFree, Random random)
{
    /// <summary>Allocates with real sockets.</summary>
    public static HostPorts OnThisNode((int First, int Last) range) => new(range, port => IsFree("127.0.0.1", port, udp: false), Random.Shared);

    /// <summary>The ports of every route of <paramref name="spec"/>, and which of them are to be reserved.</summary>
    /// <exception cref="McpException">The range is used up (ResourceExhausted).</exception>
    public PortAssignment Assign(ServiceSpec spec, IReadOnlyDictionary<(string Component, string Route), int> known, IReadOnlyDictionary<int, string> taken)
    {
        var ports = new Dictionary<(string, string), int>();
        var reserve = new Dictionary<(string, string), int>();
        foreach (var component in spec.Components)
        {
            foreach (var route in component.Routes)
            {
                var key = (component.Name, route.Name);
                // In the host's network nothing is published: what the container listens on is the host port.
                if (IsHostNetwork(component) && route.ContainerPort != 0)
                    ports[key] = (int)route.ContainerPort;
                else if (known.TryGetValue(key, out var kept))
                    ports[key] = kept;
                else
                    reserve[key] = ports[key] = Next(spec.Name, taken, reserve);
            }
        }
        return new PortAssignment(ports, reserve);
    }

    /// <summary>Whether a socket can be bound there now.</summary>
    public static bool IsFree(string address, int port, bool udp)
    {
        var ip = IPAddress.TryParse(address, out var parsed) ? parsed : IPAddress.Any;
        using var socket = new Socket(ip.AddressFamily, udp ? SocketType.Dgram : SocketType.Stream, udp ? ProtocolType.Udp : ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(ip, port));
            if (!udp)
                socket.Listen(1);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Whether the component uses the host's own network.</summary>
    public static bool IsHostNetwork(ComponentSpec component) => component.Network == "host";

    /// <summary>Everything that a component publishes on the host.</summary>
    public static IEnumerable<PortMapping> Published(ComponentSpec component, PortAssignment ports)
    {
        if (IsHostNetwork(component))
            yield break;
        foreach (var text in component.Ports)
        {
            if (PortMapping.TryParse(text, out var mapping, out _))
                yield return mapping;
        }
        foreach (var route in component.Routes)
        {
            var host = ports.Of(component.Name, route.Name);
            yield return new PortMapping("127.0.0.1", host, route.ContainerPort != 0 ? (int)route.ContainerPort : host, "tcp");
        }
    }

    private int Next(string service, IReadOnlyDictionary<int, string> taken, Dictionary<(string, string), int> reserved)
    {
        var count = range.Last - range.First + 1;
        var start = random.Next(count);
        for (var i = 0; i < count; i++)
        {
            var port = range.First + ((start + i) % count);
            if (!taken.ContainsKey(port) && !reserved.ContainsValue(port) && isFree(port))
                return port;
        }
        throw new McpException(FaultCode.ResourceExhausted, $"no host port from {range.First} to {range.Last} is free for the routes of {service}")
        {
            Hint = "undeploy services that are not needed, or widen [ports] in mcp-agent.toml",
        };
    }
}

/// <summary>The host ports of a service's routes.</summary>
/// <param name="All">By component and route.</param>
/// <param name="Reserve">Those that are new.</param>
internal sealed record PortAssignment(IReadOnlyDictionary<(string Component, string Route), int> All, IReadOnlyDictionary<(string Component, string Route), int> Reserve)
{
    /// <summary>The port of one route.</summary>
    public int Of(string component, string route) => All[(component, route)];

    /// <summary>As the wire has them: routes, then the entries of <c>ports</c>.</summary>
    public IEnumerable<HostPort> ToMessages(ServiceSpec spec, string zone)
    {
        foreach (var component in spec.Components)
        {
            foreach (var route in component.Routes.Where(r => All.ContainsKey((component.Name, r.Name))))
            {
                var host = (uint)Of(component.Name, route.Name);
                yield return new HostPort
                {
                    Route = route.Name,
                    HostIp = "127.0.0.1",
                    HostPort_ = host,
                    ContainerPort = route.ContainerPort != 0 ? route.ContainerPort : host,
                    Hostname = zone.Length > 0 || route.Hostname.Length > 0 ? RouteHostname.Of(spec, route, zone) : "",
                    Listener = route.Port,
                };
            }
            foreach (var text in component.Ports)
            {
                if (PortMapping.TryParse(text, out var mapping, out _))
                    yield return new HostPort { HostIp = mapping.Address, HostPort_ = (uint)mapping.HostPort, ContainerPort = (uint)mapping.ContainerPort };
            }
        }
    }
}
