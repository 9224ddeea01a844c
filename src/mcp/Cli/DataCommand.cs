using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Cli.Output.Json;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Where the data of services is; it outlives the services.</summary>
internal sealed class DataCommand(CommandContext context)
{
    /// <summary>Lists where the data of services is, also of those that are undeployed.</summary>
    /// <param name="service">service: only this one</param>
    /// <param name="direct">ask the agent, not the master</param>
    /// <param name="node">-n, with --direct: only this node (default: all that this machine knows)</param>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("list")]
    public async Task List([Argument] string? service = null, bool direct = false, string? node = null, bool json = false, CancellationToken cancel = default)
    {
        using var reader = await FleetReader.OpenAsync(context, direct, node, cancel);
        IEnumerable<DataRecord> records;
        IReadOnlyList<SilentNodeDocument> silent;
        if (reader.Master is { } master)
        {
            var answer = await master.Master.DataListAsync(new DataListRequest { ServiceName = service ?? "" }, cancellationToken: cancel);
            (records, silent) = (answer.Records, [.. answer.Silent.Select(s => new SilentNodeDocument(s.Node, s.Error, []))]);
        }
        else
        {
            var held = await reader.AskAsync(async (agent, ct) => (await agent.ListDataAsync(new ListDataRequest(), cancellationToken: ct)).Records, cancel);
            (records, silent) = (held.SelectMany(r => r).Where(r => service is null || r.Service == service).OrderBy(r => r.Service, StringComparer.Ordinal), reader.Silent);
        }
        if (json)
        {
            context.Screen.Json(new DataDocument([.. records.Select(r => r.ToDocument())], silent), CliJson.Default.DataDocument);
            return;
        }
        var listing = new Listing("SERVICE", "NODE", "STATE", "EPOCH", "SIZE", "PATH", "UPDATED");
        foreach (var r in records)
            listing.Add(r.Service, r.Node, Cell.State(r.State), (long)r.Epoch, r.Bytes > 0 ? Measures.Bytes(r.Bytes) : "", r.Path, Measures.Ago(r.Updated, context.Clock));
        context.Screen.Table(listing, service is null ? "no data" : $"no data of {service}");
        foreach (var s in silent)
            context.Reporter.Warning($"node {s.Node} could not be asked, so what it holds besides is not known: {s.Error}");
    }

    /// <summary>Declares the data on a node to be the service's own, after its record and the node disagreed.</summary>
    /// <param name="service">service: whose</param>
    /// <param name="on">the node whose data counts from now on; may be left out where only one can be meant</param>
    /// <param name="yes">-y, do not ask; needed where there is no terminal</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("accept")]
    public async Task Accept([Argument] string service, string? on = null, bool yes = false, CancellationToken cancel = default)
    {
        var name = ServiceTarget.Parse(service).Service;
        using var link = await FleetLink.OpenAsync(context, cancel);
        Confirmation.Require(context, $"take the data of {name}{(on is null ? "" : $" on {on}")} for the current one?", link.Fleet, yes, $"mcp data accept {name}{(on is null ? "" : $" --on {on}")}");
        var record = await link.Master.DataAcceptAsync(new DataAcceptRequest { ServiceName = name, Node = on ?? "" }, context.NewHeaders(), cancellationToken: cancel);
        context.Screen.Line($"the data of {name} is the one on {record.Node}, epoch {record.Epoch}");
    }

    /// <summary>Erases the data of a service for ever; the service must be undeployed, and its name must be typed.</summary>
    /// <param name="service">service: whose</param>
    /// <param name="on">only on this node</param>
    /// <param name="state">only data in this state: current, aside or staging</param>
    /// <param name="confirm">the service's name again, where there is no terminal to type it on</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("purge")]
    public async Task Purge([Argument] string service, string? on = null, string? state = null, string? confirm = null, CancellationToken cancel = default)
    {
        var name = ServiceTarget.Parse(service).Service;
        using var link = await FleetLink.OpenAsync(context, cancel);
        var which = $"{(state is null ? "all data" : $"the data in state '{state}'")} of {name}{(on is null ? "" : $" on {on}")}";
        await ShowAsync(link, name, on, state, cancel);
        var typed = Confirmation.RequireName(context, $"erase {which}", name, link.Fleet, confirm, $"mcp data purge {name}{(on is null ? "" : $" --on {on}")}{(state is null ? "" : $" --state {state}")}");
        var request = new DataPurgeRequest { ServiceName = name, Node = on ?? "", State = state ?? "", Confirm = typed };
        var answer = await link.Master.DataPurgeAsync(request, context.NewHeaders(), cancellationToken: cancel);
        context.Screen.Line($"{which} is erased ({Measures.Bytes(answer.Bytes)})");
    }

    // What is about to go, by name and place: a typed name is no proof that somebody looked.
    private async Task ShowAsync(FleetLink link, string service, string? on, string? state, CancellationToken cancel)
    {
        var answer = await link.Master.DataListAsync(new DataListRequest { ServiceName = service }, cancellationToken: cancel);
        var meant = answer.Records.Where(r => (on is null || r.Node == on) && (state is null || r.State == state)).ToList();
        if (meant.Count == 0 && answer.Silent.All(s => on is not null && s.Node != on))
        {
            throw new McpException(FaultCode.NotFound, $"there is no {(state is null ? "data" : $"data in state '{state}'")} of {service}{(on is null ? " on any node" : $" on {on}")}")
            {
                State = "nothing was erased",
                Hint = answer.Records.Count > 0 ? $"mcp data list {service}" : "is that its name? mcp data list shows all",
            };
        }
        foreach (var r in meant)
            context.Reporter.Note($"{r.Node}: {r.State}, epoch {r.Epoch}{(r.Bytes > 0 ? $", {Measures.Bytes(r.Bytes)}" : "")}{(r.Path.Length > 0 ? $", {r.Path}" : "")}, of {Measures.Ago(r.Updated, context.Clock)}");
    }
}
