using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Cli.Output.Json;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>The machines of the fleet.</summary>
internal sealed class NodeCommand(CommandContext context)
{
    /// <summary>Lets a machine join: prints a token for 'mcp agent join' there, good once and for one hour.</summary>
    /// <param name="name">name: how the node is called from now on</param>
    /// <param name="role">worker, master or edge</param>
    /// <param name="address">host:port of its agent, if the master is to insist on it</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("add")]
    public async Task Add([Argument] string name, string role = "worker", string? address = null, CancellationToken cancel = default)
    {
        using var link = await FleetLink.OpenAsync(context, cancel);
        var request = new NodeAddRequest { Name = name, Role = role, Address = address ?? "" };
        var answer = await link.Master.NodeAddAsync(request, context.NewHeaders(), cancellationToken: cancel);
        // The token alone on standard output, so that it can be piped over ssh; the words for people beside it.
        context.Reporter.Note($"{name} may join as {role} until {answer.Expires}. Copy this mcp to it and run there, with the token on standard input:");
        context.Reporter.Note($"  mcp agent join {answer.MasterAddress}");
        context.Screen.Line(answer.Token);
    }

    /// <summary>Takes a node out of the fleet and revokes its certificate; refused while services, routes or data remain on it.</summary>
    /// <param name="name">name: which node</param>
    /// <param name="lost">the machine is gone for good: forget what was on it</param>
    /// <param name="yes">-y, do not ask; needed where there is no terminal</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("remove")]
    public async Task Remove([Argument] string name, bool lost = false, bool yes = false, CancellationToken cancel = default)
    {
        using var link = await FleetLink.OpenAsync(context, cancel);
        var question = lost ? $"forget node {name} and everything that was on it, and revoke it?" : $"remove node {name} and revoke it?";
        Confirmation.Require(context, question, link.Fleet, yes, $"mcp node remove {name}{(lost ? " --lost" : "")}");
        var answer = await link.Master.NodeRemoveAsync(new NodeRemoveRequest { Name = name, Lost = lost }, context.NewHeaders(), cancellationToken: cancel);
        if (answer.Remaining.Count > 0 && !lost)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"node {name} was not removed: it still has {string.Join(", ", answer.Remaining)}")
            {
                Hint = $"undeploy or purge these first; for a machine that is gone: mcp node remove {name} --lost",
            };
        }
        context.Screen.Line($"node {name} is removed and revoked");
        foreach (var left in answer.Remaining)
            context.Reporter.Warning($"forgotten with it: {left}");
    }

    /// <summary>Lists the nodes: role, address, health, what they carry.</summary>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("list")]
    public async Task List(bool json = false, CancellationToken cancel = default)
    {
        using var link = await FleetLink.OpenAsync(context, cancel);
        var answer = await link.Master.ListNodesAsync(new ListNodesRequest(), cancellationToken: cancel);
        link.Remember(answer.Nodes);
        var nodes = answer.Nodes.Select(n => n.ToDocument()).ToList();
        if (json)
        {
            context.Screen.Json(new NodesDocument(nodes), CliJson.Default.NodesDocument);
            return;
        }
        var listing = new Listing("NODE", "ROLE", "ADDRESS", "STATUS", "SERVICES", "CONTAINERS", "DISK FREE", "ARCH", "VERSION", "HEARD", "DETAIL");
        foreach (var n in nodes)
        {
            listing.Add(
                n.Name, n.Role, n.Address, StatusOf(n), n.Services, n.Containers, n.DiskFreeBytes > 0 ? Measures.Bytes(n.DiskFreeBytes) : "", n.Arch, n.Version,
                Measures.Ago(n.LastHeartbeat, context.Clock), n.Detail);
        }
        context.Screen.Table(listing, "no nodes yet; mcp node add <name> --role worker");
    }

    /// <summary>Puts no more new services on a node; what is there stays.</summary>
    /// <param name="name">name: which node</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("cordon")]
    public Task Cordon([Argument] string name, CancellationToken cancel = default) => SetCordonAsync(name, true, cancel);

    /// <summary>Lets a node have new services again.</summary>
    /// <param name="name">name: which node</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("uncordon")]
    public Task Uncordon([Argument] string name, CancellationToken cancel = default) => SetCordonAsync(name, false, cancel);

    /// <summary>Changes what the master knows of a node.</summary>
    /// <param name="name">name: which node</param>
    /// <param name="address">host:port of its agent</param>
    /// <param name="role">worker, master or edge</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("set")]
    public async Task Set([Argument] string name, string? address = null, string? role = null, CancellationToken cancel = default)
    {
        if (address is null && role is null)
            throw new McpException(FaultCode.InvalidArgument, "nothing to set") { Hint = $"mcp node set {name} --address host:9444" };
        using var link = await FleetLink.OpenAsync(context, cancel);
        var request = new NodeSetRequest { Name = name, Address = address ?? "", Role = role ?? "" };
        await link.Master.NodeSetAsync(request, context.NewHeaders(), cancellationToken: cancel);
        context.Screen.Line($"node {name} is changed");
    }

    /// <summary>A node's health as a cell: what is most in need of attention wins.</summary>
    internal static Cell StatusOf(NodeDocument n) =>
        !n.Joined ? new Cell("not joined", Tone.Warning)
        : n.Cordoned ? new Cell($"{n.Status}, cordoned", Tone.Warning)
        : Cell.State(n.Status);

    private async Task SetCordonAsync(string name, bool cordoned, CancellationToken cancel)
    {
        using var link = await FleetLink.OpenAsync(context, cancel);
        await link.Master.NodeCordonAsync(new NodeCordonRequest { Name = name, Cordoned = cordoned }, context.NewHeaders(), cancellationToken: cancel);
        context.Screen.Line(cordoned ? $"node {name} gets no new services" : $"node {name} gets new services again");
    }
}
