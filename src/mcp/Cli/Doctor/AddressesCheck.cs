using System.Net;
using System.Net.Sockets;
using Mcp.Errors;
using Mcp.Podman;
using Mcp.Transport;

namespace Mcp.Cli.Doctor;

/// <summary>Where the roles listen and are reached: the address is this machine's, and the port is free or the role's own.</summary>
internal sealed class AddressesCheck() : DoctorCheck("addresses")
{
    /// <inheritdoc/>
    public override Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var lines = new List<DoctorLine>();
        if (scene.Agent is { } agent)
            lines.AddRange(Role("agent", agent.Address, agent.Listen, agent.Socket, "[node] address in mcp-agent.toml"));
        if (scene.Master is { } master)
            lines.AddRange(Role("master", master.Address, master.Listen, master.Socket, "[server] address in mcp-master.toml"));
        return Task.FromResult<IReadOnlyList<DoctorLine>>(lines);
    }

    private IEnumerable<DoctorLine> Role(string role, string reached, IReadOnlyList<string> listen, string socket, string key)
    {
        var runs = socket.Length > 0 && File.Exists(socket) && SocketOwner.Find(socket) is not null;
        if (IPEndPoint.TryParse(reached, out var own) && !IsHere(own.Address))
            yield return Error($"{own.Address}, at which the {role} is said to be reached, is on no interface of this machine", $"ip addr; bring the interface up, or correct {key}");
        foreach (var text in listen)
        {
            DoctorLine line;
            try
            {
                line = Judge(role, text, PortOf(ListenAddress.Parse(text)), runs);
            }
            catch (McpException e)
            {
                line = Error(e, "correct [server] grpc_addr");
            }
            yield return line;
        }
    }

    /// <summary>The verdict on one listening address.</summary>
    /// <param name="role">Whose.</param>
    /// <param name="address">As it is written.</param>
    /// <param name="state">What trying to take it said.</param>
    /// <param name="runs">Whether the role answers on its Unix socket.</param>
    public DoctorLine Judge(string role, string address, SocketError state, bool runs)
    {
        var port = address[(address.LastIndexOf(':') + 1)..];
        return (state, runs) switch
        {
            (SocketError.Success, false) => Ok($"{address} is free for the {role}, which does not run now"),
            (SocketError.Success, true) => Error($"the {role} runs and does not listen on {address}", $"journalctl -u mcp-{role} -n 50; it tries again by itself when the address comes up"),
            (SocketError.AddressAlreadyInUse, true) => Ok($"the {role} listens on {address}"),
            (SocketError.AddressAlreadyInUse, false) => Error($"{address}, where the {role} would listen, is taken by another process", $"ss -ltnp 'sport = :{port}'"),
            (SocketError.AddressNotAvailable, _) => Error($"{address}, where the {role} would listen, is on no interface of this machine", "ip addr; bring the interface up, or correct [server] grpc_addr"),
            (SocketError.AccessDenied, _) => Warning($"this user may not listen on {address}", $"choose a port of 1024 or above for the {role}, or run it as root"),
            _ => Error($"the {role} could not listen on {address}: {state}", "correct [server] grpc_addr"),
        };
    }

    // Taken for a moment and given back: no list of interfaces says it as surely.
    private static SocketError PortOf(IPEndPoint address) => Try(address, listen: true);

    private static bool IsHere(IPAddress address) => Try(new IPEndPoint(address, 0), listen: false) != SocketError.AddressNotAvailable;

    private static SocketError Try(IPEndPoint address, bool listen)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address.Address.Equals(IPAddress.IPv6Any))
                socket.DualMode = true;
            socket.Bind(address);
            if (listen)
                socket.Listen(1);
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
    }
}
