using Grpc.Core;
using Mcp.Cli.Output.Json;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Cli.Connecting;

/// <summary>
/// Where a reading command gets its answer: from the master, or with <c>--direct</c> from the agents themselves, the named one or all that this
/// machine knows, all at once. A node that does not answer is told of and never taken for one that has nothing.
/// </summary>
internal sealed class FleetReader : IDisposable
{
    // A dead address costs its connect limit; a node that connects and then says nothing must not cost more than the others together.
    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(20);

    private readonly CommandContext _context;
    private readonly FleetLink? _master;
    private readonly IReadOnlyList<FleetLink> _agents;
    private readonly List<SilentNodeDocument> _silent = [];

    private FleetReader(CommandContext context, FleetLink? master, IReadOnlyList<FleetLink> agents) => (_context, _master, _agents) = (context, master, agents);

    /// <summary>The link to the master; null: agents are asked.</summary>
    public FleetLink? Master => _master;

    /// <summary>All links: the one to the master, or one for each agent.</summary>
    public IReadOnlyList<FleetLink> Links => _master is null ? _agents : [_master];

    /// <summary>The link that remembers, and knows the configuration.</summary>
    public FleetLink Any => _master ?? _agents[0];

    /// <summary>Nodes that could not be asked.</summary>
    public IReadOnlyList<SilentNodeDocument> Silent => _silent;

    /// <summary>Opens the way.</summary>
    /// <exception cref="McpException">This machine knows no fleet, or no node.</exception>
    public static async Task<FleetReader> OpenAsync(CommandContext context, bool direct, string? node, CancellationToken cancel)
    {
        if (direct)
            return new FleetReader(context, null, await FleetLink.OpenAgentsAsync(context, node, cancel));
        var link = await FleetLink.OpenAsync(context, direct: false, node, cancel);
        return link.ToAgent ? new FleetReader(context, null, [link]) : new FleetReader(context, link, []);
    }

    /// <summary>Asks every agent. One that has nothing of what is asked for (NotFound) is left out, one that is silent is noted.</summary>
    /// <exception cref="McpException">Nobody had an answer.</exception>
    public async Task<IReadOnlyList<T>> AskAsync<T>(Func<McpAgentService.McpAgentServiceClient, CancellationToken, Task<T>> ask, CancellationToken cancel)
    {
        var asked = await Task.WhenAll(_agents.Select(a => AskOneAsync(a, ask, cancel)));
        var answers = asked.Where(a => a.Fault is null).Select(a => a.Answer!).ToList();
        foreach (var (link, _, fault) in asked)
        {
            if (fault is not null and not { Code: FaultCode.NotFound } && _silent.All(s => s.Node != link.NodeName))
                _silent.Add(new SilentNodeDocument(link.NodeName, fault.Cause is null ? fault.Message : $"{fault.Message}: {fault.Cause}", []));
        }
        if (answers.Count > 0)
            return answers;
        var absent = asked.FirstOrDefault(a => a.Fault is { Code: FaultCode.NotFound }).Fault;
        if (absent is not null && _silent.Count == 0 || asked.Length == 1)
            throw absent ?? asked[0].Fault!;
        throw new McpException(FaultCode.Unavailable, absent is null ? "none of the nodes could be asked" : $"{absent.Message}, and not every node could be asked")
        {
            Cause = string.Join("; ", _silent.Select(s => s.Error)),
            Hint = $"are these their addresses? [[nodes]] in {Any.Configuration?.Folder.ConfigFile ?? "mcp.toml"}; on a node itself root needs no certificate: mcp ps --socket {FleetLink.AgentSocket}",
        };
    }

    /// <summary>The agent that has a service.</summary>
    /// <exception cref="McpException">None has it, or several do and none was named.</exception>
    public async Task<McpAgentService.McpAgentServiceClient> AgentOfAsync(string service, CancellationToken cancel)
    {
        var found = await AskAsync(async (agent, ct) => (agent, (await agent.GetServiceStatusAsync(new GetServiceStatusRequest { Service = service }, cancellationToken: ct)).Node), cancel);
        return Single(found, service);
    }

    /// <summary>The service as the agent that has it registered it.</summary>
    /// <exception cref="McpException">None has it, or several do and none was named.</exception>
    public async Task<RegisteredService> ServiceAsync(string service, CancellationToken cancel)
    {
        var found = await AskAsync(
            async (agent, ct) => (await agent.ListServicesAsync(new ListServicesRequest(), cancellationToken: ct)).Services.FirstOrDefault(s => s.Spec.Name == service) is { } s
                ? (s, s.Status.Node)
                : throw new McpException(FaultCode.NotFound, $"there is no service {service}") { Hint = "mcp list --direct" },
            cancel);
        return Single(found, service);
    }

    /// <summary>Remembers the generation that the operator has just been shown by a node.</summary>
    public void Remember(string service, string node, ulong generation) => _agents.FirstOrDefault(a => a.NodeName == node)?.RememberDirect(service, generation);

    /// <summary>Tells of the nodes that could not be asked.</summary>
    public void WarnOfSilent()
    {
        foreach (var silent in _silent)
            _context.Reporter.Warning($"node {silent.Node} could not be asked: {silent.Error}");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _master?.Dispose();
        foreach (var agent in _agents)
            agent.Dispose();
    }

    private static T Single<T>(IReadOnlyList<(T What, string Node)> found, string service) => found.Count == 1 ? found[0].What
        : throw new McpException(FaultCode.FailedPrecondition, $"{service} is on {string.Join(" and ", found.Select(f => f.Node))}") { Hint = $"name one: -n {found[0].Node}; which data counts: mcp data list {service} --direct" };

    private static async Task<(FleetLink Link, T? Answer, McpException? Fault)> AskOneAsync<T>(
        FleetLink link, Func<McpAgentService.McpAgentServiceClient, CancellationToken, Task<T>> ask, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(AskLimit);
        try
        {
            return (link, await ask(link.Agent, limit.Token), null);
        }
        catch (McpException e)
        {
            return (link, default, e);
        }
        catch (Exception e) when (e is OperationCanceledException or RpcException && !cancel.IsCancellationRequested)
        {
            return (link, default, new McpException(FaultCode.DeadlineExceeded, $"node {link.NodeName} did not answer within {AskLimit.TotalSeconds:0} s", e) { Hint = $"on it: systemctl status mcp-agent" });
        }
    }
}
