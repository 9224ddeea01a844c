using Mcp.Cli.Configuration;
using Mcp.V1;

namespace Mcp.Cli.Connecting;

/// <summary>The definitions of this machine, and the master's plan for them.</summary>
internal sealed class PlanCall
{
    private readonly FleetLink _link;

    /// <summary>Reads the definitions; nobody is called while one has a mistake.</summary>
    /// <exception cref="Mcp.Errors.McpException">As <see cref="ServiceFiles.LoadAll"/>.</exception>
    public PlanCall(CommandContext context, FleetLink link, IReadOnlyList<string> names)
    {
        _link = link;
        foreach (var name in names)
        {
            if (ServiceTarget.Parse(name).Component.Length > 0)
                throw new Errors.McpException(Errors.FaultCode.InvalidArgument, $"a plan is made of whole services, not of {name}") { Hint = $"mcp deploy {name}" };
        }
        Request = new SyncRequest();
        Request.Services.AddRange(ServiceFiles.LoadAll(link.Configuration, names, context.Reporter));
        Request.Only.AddRange(names.Distinct(StringComparer.Ordinal));
    }

    /// <summary>The request without what only a sync says.</summary>
    public SyncRequest Request { get; }

    /// <summary>Asks for the plan; what it finds unchanged counts as seen by this machine.</summary>
    /// <param name="expected">The id that it must have; empty: any.</param>
    /// <param name="overwrite">Say nothing of what this machine saw.</param>
    /// <param name="cancel">Ctrl-C.</param>
    /// <exception cref="Mcp.Errors.McpException">Refused, naming what moved since the expected plan.</exception>
    public async Task<Plan> MakeAsync(string expected, bool overwrite, CancellationToken cancel)
    {
        Request.DryRun = true;
        Request.ExpectedPlan = expected;
        // Over a socket nothing is remembered, so nothing can be compared.
        Request.Overwrite = overwrite || _link.Seen is null;
        Request.Seen.Clear();
        if (_link.Seen is { } seen)
            Request.Seen.AddRange(seen.All.Select(s => new SeenGeneration { Service = s.Key, Generation = s.Value }));
        var plan = (await _link.Master.SyncAsync(Request, cancellationToken: cancel)).Plan;
        _link.Seen?.Remember(plan.Entries.Where(e => e is { Action: "none", Generation: > 0 }).Select(e => KeyValuePair.Create(e.Service, e.Generation)));
        return plan;
    }
}
