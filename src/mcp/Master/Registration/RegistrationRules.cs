using System.Net;
using Mcp.Errors;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Registration;

/// <summary>What the rules need to know beside the request.</summary>
/// <param name="Node">The allowlist row of the calling agent.</param>
/// <param name="AddressOwner">Another node that has the address which the request names, or null.</param>
/// <param name="RegisteredOthers">How many other nodes have registered.</param>
/// <param name="MaxNodes">The fleet's limit.</param>
/// <param name="LoopbackAllowed">The master itself is bound to loopback: everything is one machine.</param>
/// <param name="Cidrs">Where nodes may be; empty: anywhere.</param>
internal sealed record RegistrationFacts(
    NodeRow Node, string? AddressOwner, int RegisteredOthers, int MaxNodes, bool LoopbackAllowed, IReadOnlyList<string> Cidrs);

/// <summary>What a Register may say of its node. The identity was checked before; names and roles come from the allowlist.</summary>
internal static class RegistrationRules
{
    /// <summary>Lists longer than this are not a node's services but an attack.</summary>
    public const int MaxServices = 1000;

    /// <summary>The address to be used for the node.</summary>
    /// <exception cref="McpException">InvalidArgument, PermissionDenied or ResourceExhausted; nothing is changed by it.</exception>
    public static string Check(RegisterRequest request, RegistrationFacts facts)
    {
        var node = facts.Node;
        if (request.Name != node.Name)
            throw new McpException(FaultCode.PermissionDenied, $"agent/{node.Name} may not register as {Printable.Line(request.Name, 80)}");
        if (request.Role is "master" or "edge" && request.Role != node.Role)
        {
            throw new McpException(FaultCode.PermissionDenied, $"node {node.Name} says that its role is {request.Role}, but the fleet has it as {node.Role}")
            {
                Hint = $"set [node] role = \"{node.Role}\" in its mcp-agent.toml, or on an operator's machine: mcp node set {node.Name} --role {request.Role}",
            };
        }
        if (request.Role is not ("master" or "edge" or "worker" or ""))
            throw new McpException(FaultCode.InvalidArgument, $"'{Printable.Line(request.Role, 40)}' is not a role; master, worker and edge are");
        if (request.Services.Count > MaxServices)
            throw new McpException(FaultCode.InvalidArgument, $"a Register with {request.Services.Count} services; at most {MaxServices} are taken");
        RequirePlace(facts.RegisteredOthers, facts.MaxNodes);
        return node.Fixed ? node.Address : CheckAddress(request.Address, facts);
    }

    /// <summary>Refuses a node beyond the fleet's limit.</summary>
    /// <exception cref="McpException">ResourceExhausted.</exception>
    public static void RequirePlace(int registeredOthers, int maxNodes)
    {
        if (registeredOthers < maxNodes)
            return;
        throw new McpException(FaultCode.ResourceExhausted, $"the fleet has {registeredOthers} registered nodes, which is its limit")
        {
            Hint = "raise [registration] max_nodes in mcp-master.toml, or remove a node: mcp node remove <name>",
        };
    }

    /// <summary>Refuses the address of another node.</summary>
    /// <exception cref="McpException">InvalidArgument.</exception>
    public static void RequireFree(string node, string address, string? owner)
    {
        if (owner is not null)
            throw BadAddress(node, address, $"belongs to node {owner}");
    }

    /// <summary>The address in the one form in which it is stored; as it is when it is none.</summary>
    public static string Normal(string address) => NodeAddress.TryParse(address, out var parsed, out _) ? parsed.ToString() : address;

    /// <summary>Whether the address of a heartbeat or Register lies in one of <paramref name="cidrs"/>; true without any.</summary>
    public static bool IsWithin(IPAddress address, IReadOnlyList<string> cidrs) =>
        cidrs.Count == 0 || cidrs.Any(c => IPNetwork.TryParse(c, out var network) && network.Contains(address));

    /// <summary>Numbers that no machine has are refused, not stored.</summary>
    /// <exception cref="McpException">InvalidArgument.</exception>
    public static void Check(HeartbeatRequest request)
    {
        const ulong maxMillicores = 100_000_000, maxBytes = 1UL << 60;
        const uint maxContainers = 100_000;
        var problem = request switch
        {
            { CpuMillicores: > maxMillicores } => $"cpu_millicores = {request.CpuMillicores}",
            { MemoryBytes: > maxBytes } => $"memory_bytes = {request.MemoryBytes}",
            { DiskBytes: > maxBytes } => $"disk_bytes = {request.DiskBytes}",
            { Containers: > maxContainers } => $"containers = {request.Containers}",
            { Services: > maxContainers } => $"services = {request.Services}",
            _ => null,
        };
        if (problem is not null)
            throw new McpException(FaultCode.InvalidArgument, $"a heartbeat with {problem}, which no node has");
    }

    private static string CheckAddress(string text, RegistrationFacts facts)
    {
        var name = facts.Node.Name;
        if (!NodeAddress.TryParse(text, out var address, out var problem))
            throw BadAddress(name, text, problem);
        if (address.IsLoopback && !facts.LoopbackAllowed)
            throw BadAddress(name, text, "is a loopback address, which only the node itself reaches");
        if (!IsWithin(address.Ip, facts.Cidrs))
            throw BadAddress(name, text, $"is outside of the fleet's networks ({string.Join(", ", facts.Cidrs)})");
        RequireFree(name, text, facts.AddressOwner);
        return address.ToString();
    }

    private static McpException BadAddress(string name, string text, string problem) =>
        new(FaultCode.InvalidArgument, $"the address '{Printable.Line(text, 80)}' of node {name} {problem}")
        {
            Hint = $"set [node] address in its mcp-agent.toml to an IP address and port that the master reaches; or fix it: mcp node set {name} --address <ip:port>",
        };
}
